namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>Types of numbers, with the values that the format gives them.</summary>
internal enum OnnxElementType
{
    /// <summary>32-bit floating point.</summary>
    Float = 1,

    /// <summary>8-bit whole numbers from zero.</summary>
    UInt8 = 2,

    /// <summary>8-bit whole numbers.</summary>
    Int8 = 3,

    /// <summary>32-bit whole numbers.</summary>
    Int32 = 6,

    /// <summary>64-bit whole numbers.</summary>
    Int64 = 7,

    /// <summary>True or false.</summary>
    Bool = 9,

    /// <summary>16-bit floating point.</summary>
    Float16 = 10,

    /// <summary>32-bit whole numbers from zero, as keys are.</summary>
    UInt32 = 12,
}
