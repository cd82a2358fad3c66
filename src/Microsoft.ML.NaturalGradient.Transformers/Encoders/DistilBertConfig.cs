using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The sizes and settings of a DistilBERT encoder, as its config.json gives them.</summary>
internal sealed record DistilBertConfig
{
    private static readonly EncoderFields Fields = new()
    {
        HiddenSize = "dim",
        LayerCount = "n_layers",
        HeadCount = "n_heads",
        IntermediateSize = "hidden_dim",
        Activation = "activation",
    };

    public required EncoderSizes Sizes { get; init; }

    /// <summary>Reads and checks the configuration.</summary>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static DistilBertConfig Read(ModelConfig config) => new() { Sizes = EncoderSizes.Read(config, Fields) };
}
