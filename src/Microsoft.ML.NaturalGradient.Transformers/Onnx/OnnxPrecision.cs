using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.NaturalGradient;

/// <summary>The numbers of an exported model.</summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "The members are types of numbers.")]
public enum OnnxPrecision
{
    /// <summary>32-bit floating point: the answers of the trained model.</summary>
    Float32,

    /// <summary>Weights and computation in 16-bit floating point: half the size, for devices that compute with it.</summary>
    Float16,

    /// <summary>Linear layers with 8-bit weights and inputs that are rounded when the model runs, and 8-bit embeddings: a quarter of the size, and faster on processors.</summary>
    Int8,
}
