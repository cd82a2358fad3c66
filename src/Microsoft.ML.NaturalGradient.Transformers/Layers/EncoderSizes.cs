using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The sizes and settings that every text encoder has, as its config.json gives them.</summary>
internal sealed record EncoderSizes
{
    /// <summary>Most layers that a configuration may ask for, far more than any network has.</summary>
    public const int MostLayers = 10_000;

    /// <summary>End of the class names of checkpoints that have a head for whole sequences.</summary>
    public const string ClassifierSuffix = "ForSequenceClassification";

    public required int VocabularySize { get; init; }

    public required int HiddenSize { get; init; }

    public required int LayerCount { get; init; }

    public required int HeadCount { get; init; }

    public required int IntermediateSize { get; init; }

    public required int PositionCount { get; init; }

    public required double LayerNormEpsilon { get; init; }

    public required string Activation { get; init; }

    /// <summary>Whether the checkpoint was saved with a head that classifies whole sequences.</summary>
    public required bool HasClassificationHead { get; init; }

    /// <summary>Reads and checks the sizes.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="fields">What the architecture calls them; null for the usual names.</param>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static EncoderSizes Read(ModelConfig config, EncoderFields? fields = null)
    {
        fields ??= new EncoderFields();
        if (config.OptionalBool("is_decoder", false))
        {
            throw new NotSupportedException(
                "The model was saved as a decoder (is_decoder is true), which reads texts from the left only. Use an encoder.");
        }

        var positions = config.OptionalString("position_embedding_type", "absolute");
        if (positions != "absolute")
        {
            throw new NotSupportedException(
                $"The model uses position_embedding_type '{positions}'; only 'absolute' is supported. Use another checkpoint.");
        }

        var result = new EncoderSizes
        {
            VocabularySize = Positive(config, "vocab_size"),
            HiddenSize = Positive(config, fields.HiddenSize),
            LayerCount = Layers(config, fields.LayerCount),
            HeadCount = Positive(config, fields.HeadCount),
            IntermediateSize = Positive(config, fields.IntermediateSize),
            PositionCount = Positive(config, "max_position_embeddings"),
            LayerNormEpsilon = Epsilon(config, fields.LayerNormEpsilon, fields.DefaultEpsilon),
            Activation = config.OptionalString(fields.Activation, "gelu"),
            HasClassificationHead = config.Architectures.Any(name => name.EndsWith(ClassifierSuffix, StringComparison.Ordinal)),
        };
        return result.HiddenSize % result.HeadCount == 0
            ? result
            : throw new InvalidDataException(
                $"The configuration has {fields.HiddenSize} {result.HiddenSize}, which is no multiple of {fields.HeadCount} {result.HeadCount}. "
                + "Fetch the model's files again.");
    }

    /// <summary>A field that must be a whole number above zero.</summary>
    /// <exception cref="InvalidDataException">It is absent or not positive; the message names it.</exception>
    public static int Positive(ModelConfig config, string field) => AtLeast(config, field, config.RequireInt(field), 1);

    /// <summary>A whole number above zero, or the default if the field is absent.</summary>
    /// <exception cref="InvalidDataException">It is less than <paramref name="least"/>; the message names it.</exception>
    public static int OptionalPositive(ModelConfig config, string field, int defaultValue, int least = 1) =>
        AtLeast(config, field, config.OptionalInt(field, defaultValue), least);

    /// <summary>The ε that a normalisation adds to the variance.</summary>
    /// <exception cref="InvalidDataException">It is not from 0 to 1; the message names it.</exception>
    public static double Epsilon(ModelConfig config, string field, double defaultValue)
    {
        var value = config.OptionalDouble(field, defaultValue);
        return value is >= 0 and <= 1
            ? value
            : throw new InvalidDataException(FormattableString.Invariant(
                $"The configuration has {field} {value}; it must be from 0 to 1. Fetch the model's files again."));
    }

    /// <summary>A number of layers.</summary>
    /// <exception cref="InvalidDataException">It is absent, not positive, or more than any network has; the message names it.</exception>
    public static int Layers(ModelConfig config, string field) => Positive(config, field) is var count and <= MostLayers
        ? count
        : throw config.Unexpected(field, FormattableString.Invariant($"a whole number from 1 to {MostLayers}"));

    /// <summary>The number of segments that token types tell apart: zero or more.</summary>
    /// <exception cref="InvalidDataException">It is negative; the message names the field.</exception>
    public static int SegmentCount(ModelConfig config, int defaultValue, int least = 1) =>
        AtLeast(config, "type_vocab_size", config.OptionalInt("type_vocab_size", defaultValue), least);

    /// <summary>Most tokens of a sequence whose positions begin after the id of the padding token, as RoBERTa's do.</summary>
    /// <param name="paddingId">The id.</param>
    /// <exception cref="InvalidDataException">No position is left; the message says so.</exception>
    public int TokensAfter(int paddingId) => paddingId >= 0 && paddingId < PositionCount - 1
        ? PositionCount - paddingId - 1
        : throw new InvalidDataException(
            $"The configuration has pad_token_id {paddingId} and max_position_embeddings {PositionCount}. Positions start "
            + "after the id of the padding token, so that none is left. Fetch the model's files again.");

    private static int AtLeast(ModelConfig config, string field, int value, int least) => value >= least
        ? value
        : throw new InvalidDataException(
            $"The configuration of this {config.ModelType} model has {field} {value}; it must be at least {least}. Fetch the model's files again.");
}
