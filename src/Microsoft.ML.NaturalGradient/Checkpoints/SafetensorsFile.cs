using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A safetensors file: named tensors behind a JSON header, read in place.</summary>
/// <remarks>Format: https://github.com/huggingface/safetensors. Not yet written; the checkpoint work fills it in.</remarks>
internal abstract class SafetensorsFile : IDisposable
{
    /// <summary>Names of the tensors.</summary>
    public abstract IReadOnlyCollection<string> Names { get; }

    /// <summary>Shape of a tensor.</summary>
    public abstract IReadOnlyList<long> ShapeOf(string name);

    /// <summary>Element type of a tensor as stored.</summary>
    public abstract ScalarType TypeOf(string name);

    /// <summary>Copies a tensor out, converted to a type.</summary>
    public abstract Tensor Read(string name, ScalarType type);

    /// <inheritdoc/>
    public abstract void Dispose();
}
