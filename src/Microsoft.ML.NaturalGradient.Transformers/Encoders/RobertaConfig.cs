using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The sizes and settings of a RoBERTa or XLM-RoBERTa encoder, as its config.json gives them.</summary>
internal sealed record RobertaConfig
{
    public required EncoderSizes Sizes { get; init; }

    public required int SegmentCount { get; init; }

    /// <summary>Id of the padding token; the first token has the position after it.</summary>
    public required int PaddingId { get; init; }

    /// <summary>Reads and checks the configuration.</summary>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static RobertaConfig Read(ModelConfig config)
    {
        var result = new RobertaConfig
        {
            Sizes = EncoderSizes.Read(config),
            SegmentCount = EncoderSizes.SegmentCount(config, 1),
            PaddingId = config.OptionalInt("pad_token_id", 1),
        };
        return result.PaddingId >= 0 && result.PaddingId + 1 < result.Sizes.PositionCount
            ? result
            : throw new InvalidDataException(
                $"The configuration has pad_token_id {result.PaddingId} and max_position_embeddings {result.Sizes.PositionCount}. Positions start "
                + "after the id of the padding token, so that none is left. Fetch the model's files again.");
    }
}
