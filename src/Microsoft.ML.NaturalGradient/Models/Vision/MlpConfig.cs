namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>The sizes of a multi-layer perceptron on pictures.</summary>
internal sealed record MlpConfig
{
    /// <summary>Width and height of the pictures.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Widths of the hidden layers; two of 2048 make 10.5 million weights on pictures of 32 × 32 pixels and 10 classes.</summary>
    public IReadOnlyList<int> HiddenSizes { get; init; } = [2048, 2048];

    /// <summary>Name of the activation function after each hidden layer.</summary>
    public string Activation { get; init; } = "relu";
}
