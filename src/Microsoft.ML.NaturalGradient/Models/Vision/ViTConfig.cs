using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>The sizes and settings of a ViT or DeiT encoder, as its config.json gives them.</summary>
internal sealed record ViTConfig
{
    public required ImageEncoderSizes Sizes { get; init; }

    public required int IntermediateSize { get; init; }

    /// <summary>Reads and checks the configuration.</summary>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static ViTConfig Read(ModelConfig config) => new()
    {
        Sizes = ImageEncoderSizes.Read(config),
        IntermediateSize = EncoderSizes.Positive(config, "intermediate_size"),
    };
}
