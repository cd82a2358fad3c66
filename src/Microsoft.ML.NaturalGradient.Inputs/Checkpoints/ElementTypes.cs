namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>What is known of <see cref="ElementType"/>.</summary>
internal static class ElementTypes
{
    /// <summary>All names, for error messages.</summary>
    public static string Names { get; } = string.Join(", ", Enum.GetNames<ElementType>());

    /// <summary>Finds a type by its name in a header, for example <c>F32</c>; null where it is not known.</summary>
    public static ElementType? Find(string name) => Enum.GetNames<ElementType>().Contains(name) ? Enum.Parse<ElementType>(name) : null;

    /// <summary>Bytes of an element.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.BOOL or ElementType.U8 or ElementType.I8 => 1,
        ElementType.I16 or ElementType.F16 or ElementType.BF16 => 2,
        ElementType.I32 or ElementType.F32 => 4,
        _ => 8,
    };
}
