using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The sizes and settings of a DeBERTa encoder of version 2 or 3, as its config.json gives them.</summary>
internal sealed record DebertaV2Config
{
    private const string ContentToPosition = "c2p";
    private const string PositionToContent = "p2c";

    public required EncoderSizes Sizes { get; init; }

    public required int SegmentCount { get; init; }

    /// <summary>Width of the embeddings, which are projected to the hidden size where it differs.</summary>
    public required int EmbeddingSize { get; init; }

    /// <summary>Whether positions are also added to the embeddings.</summary>
    public required bool AddsPositions { get; init; }

    /// <summary>Whether attention reads relative positions.</summary>
    public required bool IsRelative { get; init; }

    /// <summary>Whether a token's content attends to relative positions.</summary>
    public required bool HasContentToPosition { get; init; }

    /// <summary>Whether relative positions attend to a token's content.</summary>
    public required bool HasPositionToContent { get; init; }

    /// <summary>Whether relative positions are projected with the same weights as the tokens.</summary>
    public required bool SharesProjections { get; init; }

    /// <summary>Whether the table of relative positions is normalised.</summary>
    public required bool NormalizesPositions { get; init; }

    /// <summary>How distances are counted.</summary>
    public required RelativePositions Positions { get; init; }

    /// <summary>Activation function of the classification head's first layer.</summary>
    public required string PoolerActivation { get; init; }

    /// <summary>Reads and checks the configuration.</summary>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static DebertaV2Config Read(ModelConfig config)
    {
        var sizes = EncoderSizes.Read(config, new EncoderFields { DefaultEpsilon = 1e-7 });
        RefuseVariants(config, sizes);
        var terms = Terms(config);
        var normalisations = config.OptionalString("norm_rel_ebd", "none").Split('|', StringSplitOptions.TrimEntries);
        return new DebertaV2Config
        {
            Sizes = sizes,
            SegmentCount = EncoderSizes.SegmentCount(config, 0, least: 0),
            EmbeddingSize = EncoderSizes.OptionalPositive(config, "embedding_size", sizes.HiddenSize),
            AddsPositions = config.OptionalBool("position_biased_input", true),
            IsRelative = config.OptionalBool("relative_attention", false),
            HasContentToPosition = terms.Contains(ContentToPosition),
            HasPositionToContent = terms.Contains(PositionToContent),
            SharesProjections = config.OptionalBool("share_att_key", false),
            NormalizesPositions = normalisations.Contains("layer_norm", StringComparer.OrdinalIgnoreCase),
            Positions = ReadPositions(config, sizes),
            PoolerActivation = config.OptionalString("pooler_hidden_act", "gelu"),
        };
    }

    private static void RefuseVariants(ModelConfig config, EncoderSizes sizes)
    {
        var kernel = config.OptionalInt("conv_kernel_size", 0);
        if (kernel > 0)
        {
            throw new NotSupportedException(
                $"The model has a convolution beside its first layer (conv_kernel_size {kernel}), which is not supported. "
                + "Use a DeBERTa model without one, for example microsoft/deberta-v3-base.");
        }

        var headSize = EncoderSizes.OptionalPositive(config, "attention_head_size", sizes.HiddenSize / sizes.HeadCount);
        if (headSize * sizes.HeadCount != sizes.HiddenSize)
        {
            throw new InvalidDataException(
                $"The configuration has attention_head_size {headSize} and num_attention_heads {sizes.HeadCount}, which do not make up "
                + $"hidden_size {sizes.HiddenSize}. Fetch the model's files again.");
        }

        var pooled = config.OptionalInt("pooler_hidden_size", sizes.HiddenSize);
        if (sizes.HasClassificationHead && pooled != sizes.HiddenSize)
        {
            throw new InvalidDataException(
                $"The configuration has pooler_hidden_size {pooled} but hidden_size {sizes.HiddenSize}. Fetch the model's files again.");
        }
    }

    // Published files write "p2c|c2p", newer ones a list.
    private static IReadOnlyList<string> Terms(ModelConfig config)
    {
        var terms = config.KindOf("pos_att_type") == JsonValueKind.String
            ? config.RequireString("pos_att_type").Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            : config.OptionalStrings("pos_att_type");
        return terms.FirstOrDefault(term => term is not (ContentToPosition or PositionToContent)) is { } unknown
            ? throw new NotSupportedException(
                $"The model uses pos_att_type '{unknown}'. Supported are {ContentToPosition} and {PositionToContent}. Use another checkpoint.")
            : terms;
    }

    private static RelativePositions ReadPositions(ModelConfig config, EncoderSizes sizes)
    {
        var (buckets, farthest) = (config.OptionalInt("position_buckets", -1), config.OptionalInt("max_relative_positions", -1));
        farthest = farthest < 1 ? sizes.PositionCount : farthest;
        return buckets <= 0 || (buckets >= 2 && farthest - 1 > buckets / 2)
            ? new RelativePositions(buckets > 0 ? buckets : null, farthest)
            : throw new InvalidDataException(
                $"The configuration has position_buckets {buckets} for distances up to {farthest}; half of the buckets must be at least 1 and less "
                + "than the farthest distance. Fetch the model's files again.");
    }
}
