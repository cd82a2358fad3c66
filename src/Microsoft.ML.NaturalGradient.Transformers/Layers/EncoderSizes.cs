using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The sizes and settings that every text encoder has, as its config.json gives them.</summary>
internal sealed record EncoderSizes
{
    /// <summary>End of the class names of checkpoints that have a head for whole sequences.</summary>
    public const string ClassifierSuffix = "ForSequenceClassification";

    private const int MostLayers = 10_000; // far more than any network has

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
            LayerNormEpsilon = fields.LayerNormEpsilon is { } epsilon ? Epsilon(config, epsilon, fields.DefaultEpsilon) : fields.DefaultEpsilon,
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
    public static int Positive(ModelConfig config, string field) => AtLeast(field, config.RequireInt(field), 1);

    /// <summary>A whole number above zero, or the default if the field is absent.</summary>
    /// <exception cref="InvalidDataException">It is less than <paramref name="least"/>; the message names it.</exception>
    public static int OptionalPositive(ModelConfig config, string field, int defaultValue, int least = 1) =>
        AtLeast(field, config.OptionalInt(field, defaultValue), least);

    /// <summary>The ε that a normalisation adds to the variance.</summary>
    /// <exception cref="InvalidDataException">It is not from 0 to 1; the message names it.</exception>
    public static double Epsilon(ModelConfig config, string field, double defaultValue)
    {
        var value = config.OptionalDouble(field, defaultValue);
        return value is >= 0 and <= 1 ? value : throw ModelConfig.OutOfRange(field, value, "from 0 to 1");
    }

    /// <summary>A number of layers.</summary>
    /// <exception cref="InvalidDataException">It is absent, not positive, or more than any network has; the message names it.</exception>
    public static int Layers(ModelConfig config, string field, int? defaultValue = null)
    {
        var count = defaultValue is { } known ? config.OptionalInt(field, known) : config.RequireInt(field);
        return count is >= 1 and <= MostLayers ? count : throw ModelConfig.OutOfRange(field, count, $"from 1 to {MostLayers}");
    }

    /// <summary>The number of segments that token types tell apart: zero or more.</summary>
    /// <exception cref="InvalidDataException">It is negative; the message names the field.</exception>
    public static int SegmentCount(ModelConfig config, int defaultValue, int least = 1) =>
        AtLeast("type_vocab_size", config.OptionalInt("type_vocab_size", defaultValue), least);

    /// <summary>Most tokens of a sequence whose positions begin after the id of the padding token, as RoBERTa's do.</summary>
    /// <param name="paddingId">The id.</param>
    /// <exception cref="InvalidDataException">No position is left; the message says so.</exception>
    public int TokensAfter(int paddingId) => paddingId >= 0 && paddingId < PositionCount - 1
        ? PositionCount - paddingId - 1
        : throw new InvalidDataException(
            $"The configuration has pad_token_id {paddingId} and max_position_embeddings {PositionCount}. Positions start "
            + "after the id of the padding token, so that none is left. Fetch the model's files again.");

    private static int AtLeast(string field, int value, int least) =>
        value >= least ? value : throw ModelConfig.OutOfRange(field, value, $"at least {least}");
}
