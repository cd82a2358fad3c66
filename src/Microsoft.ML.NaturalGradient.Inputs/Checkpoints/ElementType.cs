namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>The element types of the safetensors format that are read, named as in a header, by growing size; files have the last first.</summary>
internal enum ElementType
{
    /// <summary>A truth value in a byte.</summary>
    BOOL,

    /// <summary>A whole number of 8 bits without sign.</summary>
    U8,

    /// <summary>A whole number of 8 bits.</summary>
    I8,

    /// <summary>A whole number of 16 bits.</summary>
    I16,

    /// <summary>Half precision of IEEE 754.</summary>
    F16,

    /// <summary>The upper half of a number of single precision.</summary>
    BF16,

    /// <summary>A whole number of 32 bits.</summary>
    I32,

    /// <summary>Single precision of IEEE 754.</summary>
    F32,

    /// <summary>Double precision of IEEE 754.</summary>
    F64,

    /// <summary>A whole number of 64 bits.</summary>
    I64,
}
