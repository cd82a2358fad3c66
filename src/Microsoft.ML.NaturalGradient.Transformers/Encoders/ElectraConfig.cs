using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The sizes and settings of an ELECTRA encoder, as its config.json gives them.</summary>
internal sealed record ElectraConfig
{
    public required EncoderSizes Sizes { get; init; }

    public required int SegmentCount { get; init; }

    /// <summary>Width of the embeddings, which are projected to the hidden size where it differs.</summary>
    public required int EmbeddingSize { get; init; }

    /// <summary>Reads and checks the configuration.</summary>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static ElectraConfig Read(ModelConfig config) => new()
    {
        Sizes = EncoderSizes.Read(config),
        SegmentCount = EncoderSizes.SegmentCount(config, 2),
        EmbeddingSize = EncoderSizes.Positive(config, "embedding_size"),
    };
}
