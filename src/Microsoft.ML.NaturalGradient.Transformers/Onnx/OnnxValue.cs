namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>A value of a graph: what a node gives, an input, or numbers that the file holds.</summary>
/// <param name="name">Its name, which no other value of the graph has.</param>
/// <param name="type">Type of its numbers.</param>
/// <param name="shape">Its dimensions; none for a single number.</param>
internal sealed class OnnxValue(string name, OnnxElementType type, IReadOnlyList<OnnxDimension> shape)
{
    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>Type of its numbers.</summary>
    public OnnxElementType Type { get; } = type;

    /// <summary>Its dimensions.</summary>
    public IReadOnlyList<OnnxDimension> Shape { get; } = shape;

    /// <summary>Number of dimensions.</summary>
    public int Rank => Shape.Count;

    /// <summary>The last dimension.</summary>
    public OnnxDimension Width => Shape[^1];

    /// <summary>Whether its numbers are floating-point.</summary>
    public bool IsFloat => Type is OnnxElementType.Float or OnnxElementType.Float16;

    /// <summary>Name, type and shape, for messages.</summary>
    public override string ToString() => $"{Name}: {Type} [{string.Join(", ", Shape)}]";
}
