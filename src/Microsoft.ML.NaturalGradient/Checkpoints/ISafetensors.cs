using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Named tensors of one safetensors file, or of several that belong together. Several threads may read at once.</summary>
internal interface ISafetensors : IDisposable
{
    /// <summary>Where the tensors are, in words for error messages.</summary>
    string Description { get; }

    /// <summary>Names of the tensors.</summary>
    IReadOnlyCollection<string> Names { get; }

    /// <summary>Whether there is a tensor of this name.</summary>
    bool Contains(string name);

    /// <summary>Shape of a tensor; empty for a scalar.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    IReadOnlyList<long> ShapeOf(string name);

    /// <summary>Element type of a tensor as stored.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    ScalarType TypeOf(string name);

    /// <summary>Copies a tensor out, converted to a type.</summary>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="type">Element type of the result.</param>
    /// <returns>A new tensor on the CPU; owned by the caller.</returns>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    Tensor Read(string name, ScalarType type);

    /// <summary>Overwrites a tensor with a stored one, converted to its type and moved to its device.</summary>
    /// <param name="name">Name of the stored tensor.</param>
    /// <param name="target">Tensor of exactly the same shape; may be a parameter.</param>
    /// <exception cref="InvalidDataException">There is no such tensor, or the shapes differ.</exception>
    void ReadInto(string name, Tensor target);
}
