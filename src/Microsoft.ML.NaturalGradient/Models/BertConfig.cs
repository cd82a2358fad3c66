using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The sizes and settings of a BERT encoder, as its config.json gives them.</summary>
internal sealed record BertConfig
{
    public required int VocabularySize { get; init; }

    public required int HiddenSize { get; init; }

    public required int LayerCount { get; init; }

    public required int HeadCount { get; init; }

    public required int IntermediateSize { get; init; }

    public required int PositionCount { get; init; }

    public required int SegmentCount { get; init; }

    public required double LayerNormEpsilon { get; init; }

    public required string Activation { get; init; }

    /// <summary>Whether the checkpoint was saved with a classification head, which reads the pooler and not the mean.</summary>
    public required bool UsesPooler { get; init; }

    /// <summary>Reads and checks the configuration.</summary>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static BertConfig Read(ModelConfig config)
    {
        var positions = config.OptionalString("position_embedding_type", "absolute");
        if (positions != "absolute")
        {
            throw new NotSupportedException(
                $"The model uses position_embedding_type '{positions}'; only 'absolute' is supported. Use another checkpoint.");
        }

        var result = new BertConfig
        {
            VocabularySize = Positive(config, "vocab_size"),
            HiddenSize = Positive(config, "hidden_size"),
            LayerCount = Positive(config, "num_hidden_layers"),
            HeadCount = Positive(config, "num_attention_heads"),
            IntermediateSize = Positive(config, "intermediate_size"),
            PositionCount = Positive(config, "max_position_embeddings"),
            SegmentCount = config.OptionalInt("type_vocab_size", 2),
            LayerNormEpsilon = config.OptionalDouble("layer_norm_eps", 1e-12),
            Activation = config.OptionalString("hidden_act", "gelu"),
            UsesPooler = config.Architectures.Any(name => name.EndsWith("ForSequenceClassification", StringComparison.Ordinal)),
        };
        return result.HiddenSize % result.HeadCount == 0
            ? result
            : throw new InvalidDataException(
                $"The configuration has hidden_size {result.HiddenSize}, which is no multiple of num_attention_heads {result.HeadCount}. "
                + "Fetch the model's files again.");
    }

    private static int Positive(ModelConfig config, string field)
    {
        var value = config.RequireInt(field);
        return value > 0
            ? value
            : throw new InvalidDataException($"The configuration has {field} {value}; it must be positive. Fetch the model's files again.");
    }
}
