namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>What a file says about one tensor.</summary>
/// <param name="type">Element type as stored.</param>
/// <param name="shape">Shape; empty for a scalar.</param>
/// <param name="begin">First byte, counted from the end of the header where the format has one.</param>
/// <param name="end">One past the last byte.</param>
internal sealed class SafetensorsTensor(ElementType type, long[] shape, long begin, long end)
{
    /// <summary>Element type as stored.</summary>
    public ElementType Type { get; } = type;

    /// <summary>Shape; empty for a scalar.</summary>
    public long[] Shape { get; } = shape;

    /// <summary>First byte, counted from the end of the header where the format has one.</summary>
    public long Begin { get; } = begin;

    /// <summary>One past the last byte.</summary>
    public long End { get; } = end;
}
