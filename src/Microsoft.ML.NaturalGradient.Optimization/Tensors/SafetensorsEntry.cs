using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A tensor to be written and how.</summary>
/// <param name="name">Name in the file.</param>
/// <param name="value">The tensor; not kept beyond the write, not modified.</param>
/// <param name="storedType">Element type in the file; null for the tensor's own.</param>
internal sealed class SafetensorsEntry(string name, Tensor value, ScalarType? storedType = null)
{
    /// <summary>Name in the file.</summary>
    public string Name { get; } = name;

    /// <summary>The tensor.</summary>
    public Tensor Value { get; } = value;

    /// <summary>Element type in the file.</summary>
    public ScalarType StoredType { get; } = storedType ?? value.dtype;
}
