using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;

namespace Microsoft.ML.NaturalGradient.Models.T5;

/// <summary>The sizes and settings of a T5 network, as its config.json gives them.</summary>
internal sealed record T5Config
{
    private const int FewestBuckets = 4; // two for each direction: the same position, and all farther ones

    public required int VocabularySize { get; init; }

    /// <summary>Width D of the vectors between layers.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width d of one attention head; H·d need not be D.</summary>
    public required int HeadSize { get; init; }

    public required int HeadCount { get; init; }

    public required int IntermediateSize { get; init; }

    public required int EncoderLayerCount { get; init; }

    public required int DecoderLayerCount { get; init; }

    /// <summary>Rows of a table of relative positions.</summary>
    public required int BucketCount { get; init; }

    /// <summary>Distance from which on all positions share a bucket.</summary>
    public required int FarthestDistance { get; init; }

    public required double NormEpsilon { get; init; }

    /// <summary>Whether the feed-forward part is a gated GELU (v1.1) and not a ReLU (v1.0).</summary>
    public required bool IsGated { get; init; }

    /// <summary>Whether the embedding is also the head (v1.0).</summary>
    public required bool IsTied { get; init; }

    /// <summary>Whether the decoder's output is multiplied by 1/√D before the head (v1.0).</summary>
    public required bool ScalesOutput { get; init; }

    /// <summary>
    /// Whether the file says so itself: transformers 5 does, and then writes that every head is tied, whether it is or not.
    /// </summary>
    public required bool StatesScaling { get; init; }

    /// <summary>Id that the decoder reads first.</summary>
    public required int DecoderStartId { get; init; }

    /// <summary>Id that ends every text.</summary>
    public required int EndId { get; init; }

    public required int PadId { get; init; }

    /// <summary>Reads and checks the configuration.</summary>
    /// <param name="config">The settings.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static T5Config Read(ModelConfig config)
    {
        var layers = EncoderSizes.Layers(config, "num_layers");
        var vocabulary = EncoderSizes.Positive(config, "vocab_size");
        var isTied = config.OptionalBool("tie_word_embeddings", true);
        var pad = Id(config, "pad_token_id", 0, vocabulary);
        var result = new T5Config
        {
            VocabularySize = vocabulary,
            HiddenSize = EncoderSizes.Positive(config, "d_model"),
            HeadSize = EncoderSizes.Positive(config, "d_kv"),
            HeadCount = EncoderSizes.Positive(config, "num_heads"),
            IntermediateSize = EncoderSizes.Positive(config, "d_ff"),
            EncoderLayerCount = layers,
            DecoderLayerCount = EncoderSizes.Layers(config, "num_decoder_layers", layers),
            BucketCount = EncoderSizes.OptionalPositive(config, "relative_attention_num_buckets", 32),
            FarthestDistance = EncoderSizes.OptionalPositive(config, "relative_attention_max_distance", 128),
            NormEpsilon = EncoderSizes.Epsilon(config, "layer_norm_epsilon", 1e-6),
            IsGated = ReadIsGated(config),
            IsTied = isTied,
            ScalesOutput = config.OptionalBool("scale_decoder_outputs", isTied),
            // Absent is what takes either default.
            StatesScaling = config.OptionalBool("scale_decoder_outputs", true) == config.OptionalBool("scale_decoder_outputs", false),
            DecoderStartId = Id(config, "decoder_start_token_id", pad, vocabulary),
            EndId = Id(config, "eos_token_id", 1, vocabulary),
            PadId = pad,
        };
        result.CheckPositions();
        return result;
    }

    /// <summary>Creates a normalisation for the vectors between layers.</summary>
    public RootMeanSquareNorm NewNorm() => new(HiddenSize, NormEpsilon);

    /// <summary>Creates the table of relative positions of a stack.</summary>
    /// <param name="bothWays">Whether later positions are seen, as in the encoder.</param>
    public RelativePositionBias NewPositions(bool bothWays) => new(BucketCount, HeadCount, BucketCount, FarthestDistance, bothWays);

    private static bool ReadIsGated(ModelConfig config)
    {
        var isGated = config.OptionalString("feed_forward_proj", "relu") switch
        {
            "relu" => false,
            "gated-gelu" => true,
            var other => throw Unsupported("feed_forward_proj", other),
        };

        // Files have what follows from it as well, and in Python that counts.
        var activation = config.OptionalString("dense_act_fn", isGated ? "gelu_new" : "relu");
        if (config.OptionalBool("is_gated_act", isGated) != isGated)
        {
            throw Unsupported("is_gated_act", config.TextOf("is_gated_act"));
        }

        return (isGated ? activation is "gelu_new" or "gelu_pytorch_tanh" : activation is "relu") ? isGated : throw Unsupported("dense_act_fn", activation);

        NotSupportedException Unsupported(string field, string value) => new(
            $"The model uses {field} '{value}'; only feed_forward_proj 'relu' (T5 1.0) and 'gated-gelu' (T5 1.1), with what belongs to them, are supported. Use another checkpoint.");
    }

    private void CheckPositions()
    {
        if (BucketCount < FewestBuckets || BucketCount % 2 != 0)
        {
            throw ModelConfig.OutOfRange("relative_attention_num_buckets", BucketCount, $"an even number from {FewestBuckets}, half of it for each direction");
        }

        if (FarthestDistance <= BucketCount / 2)
        {
            throw ModelConfig.OutOfRange("relative_attention_max_distance", FarthestDistance, $"more than the {BucketCount / 2} distances that have their own buckets");
        }
    }

    private static int Id(ModelConfig config, string field, int defaultValue, int vocabulary)
    {
        var value = config.OptionalInt(field, defaultValue);
        return value >= 0 && value < vocabulary ? value : throw ModelConfig.OutOfRange(field, value, $"at least 0 and less than vocab_size {vocabulary}");
    }
}
