using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The sizes and settings of a BERT encoder, as its config.json gives them.</summary>
internal sealed record BertConfig
{
    public required EncoderSizes Sizes { get; init; }

    public required int SegmentCount { get; init; }

    /// <summary>Reads and checks the configuration.</summary>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static BertConfig Read(ModelConfig config) => new()
    {
        Sizes = EncoderSizes.Read(config),
        SegmentCount = EncoderSizes.SegmentCount(config, 2),
    };
}
