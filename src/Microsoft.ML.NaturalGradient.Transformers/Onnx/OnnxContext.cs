namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>What the layers of a graph read besides the vectors; null for what there is not.</summary>
internal sealed record OnnxContext
{
    /// <summary>Added to attention's scores; broadcast to [N, H, T, T].</summary>
    public OnnxValue? Mask { get; init; }

    /// <summary>One for tokens and zero for padding, [N, T, 1].</summary>
    public OnnxValue? Tokens { get; init; }

    /// <summary>Vectors of relative positions, [1, 2·S, D].</summary>
    public OnnxValue? Table { get; init; }

    /// <summary>Row of the table for query i and key j, [T, T], int64.</summary>
    public OnnxValue? Rows { get; init; }

    /// <summary>Cosines of rotary positions, [T, d].</summary>
    public OnnxValue? Cosines { get; init; }

    /// <summary>Sines of rotary positions, negative in the first half, [T, d].</summary>
    public OnnxValue? Sines { get; init; }
}
