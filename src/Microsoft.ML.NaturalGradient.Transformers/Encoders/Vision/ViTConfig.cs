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

    /// <summary>A small ViT to train from scratch on small pictures: four layers with hidden layers twice as wide as the vectors.</summary>
    /// <param name="imageSize">Width and height of the pictures.</param>
    /// <param name="patchSize">Width and height of a patch.</param>
    /// <param name="hiddenSize">Width D of the vectors.</param>
    /// <returns>The configuration; four heads.</returns>
    public static ViTConfig Small(int imageSize, int patchSize, int hiddenSize = 128) => new()
    {
        Sizes = new ImageEncoderSizes
        {
            HiddenSize = hiddenSize,
            LayerCount = 4,
            HeadCount = 4,
            ImageSize = imageSize,
            PatchSize = patchSize,
            LayerNormEpsilon = 1e-6,
            Activation = "gelu",
            AttentionBias = true,
            HasClassificationHead = true,
            HasDistillationHead = false,
        },
        IntermediateSize = 2 * hiddenSize,
    };
}
