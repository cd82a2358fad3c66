using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>The sizes and settings of a DINOv2 encoder, as its config.json gives them.</summary>
internal sealed record Dinov2Config
{
    private const double UsualRatio = 4;
    private const int LargestRatio = 1024;

    public required ImageEncoderSizes Sizes { get; init; }

    /// <summary>Whether the feed-forward part is gated (SwiGLU), as in the largest model.</summary>
    public required bool IsGated { get; init; }

    /// <summary>Width between the two maps of the feed-forward part.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Reads and checks the configuration.</summary>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static Dinov2Config Read(ModelConfig config)
    {
        var sizes = ImageEncoderSizes.Read(config, defaultEpsilon: 1e-6);
        var ratio = config.OptionalDouble("mlp_ratio", UsualRatio);
        var width = (int)(sizes.HiddenSize * ratio);
        if (ratio is <= 0 or > LargestRatio || width < 1)
        {
            throw ModelConfig.OutOfRange("mlp_ratio", ratio, $"at most {LargestRatio}, and hidden_size {sizes.HiddenSize} times it at least 1");
        }

        var isGated = config.OptionalBool("use_swiglu_ffn", false);
        return new Dinov2Config
        {
            Sizes = sizes,
            IsGated = isGated,
            // A gate adds a third map; two thirds of the width, rounded up to a multiple of 8, keep the number of weights.
            IntermediateSize = isGated ? ((int)(width * 2 / 3.0) + 7) / 8 * 8 : width,
        };
    }
}
