using System.Text.Json.Nodes;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>How outputs become predictions, for which neither transformers' nor PEFT's files have a place. Other programs ignore it.</summary>
internal sealed record PredictionNotes
{
    private const string TemperatureField = "temperature";
    private const string ScoreThresholdField = "score_threshold";
    private const string ThresholdsField = "thresholds";
    private const string AnswerTokensField = "answer_tokens";
    private const int MostAnswerTokens = 1000; // as in training

    /// <summary>Nothing said.</summary>
    public static PredictionNotes None { get; } = new();

    /// <summary>What outputs are divided by before they become probabilities; 1 where that is part of the head.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>The probability that one of several classes needs to be predicted.</summary>
    public float ScoreThreshold { get; init; }

    /// <summary>The probability from which each of several classes is predicted; null where that is not said.</summary>
    public IReadOnlyList<float>? Thresholds { get; init; }

    /// <summary>Most tokens of an answer; null where that is not said.</summary>
    public int? AnswerTokens { get; init; }

    /// <summary>Reads what <see cref="AddTo"/> wrote.</summary>
    /// <param name="config">The settings.</param>
    /// <exception cref="InvalidDataException">A field makes no sense; the message names it.</exception>
    public static PredictionNotes Read(ModelConfig config)
    {
        var thresholds = config.OptionalNumberList(ThresholdsField);
        var notes = new PredictionNotes
        {
            Temperature = config.OptionalDouble(TemperatureField, 1),
            ScoreThreshold = (float)config.OptionalDouble(ScoreThresholdField, 0),
            Thresholds = thresholds.Count > 0 ? [.. thresholds.Select(threshold => (float)threshold)] : null,
            AnswerTokens = config.OptionalInt(AnswerTokensField, 0) is not 0 and var tokens ? tokens : null,
        };
        return notes.Temperature is not > 0 || !double.IsFinite(notes.Temperature) ? throw config.Unexpected(TemperatureField, "a number greater than 0")
            : notes.ScoreThreshold is not (>= 0 and <= 1) ? throw config.Unexpected(ScoreThresholdField, "a number from 0 to 1")
            : notes.Thresholds?.All(threshold => threshold is >= 0 and <= 1) == false ? throw config.Unexpected(ThresholdsField, "a list of numbers from 0 to 1")
            : notes.AnswerTokens is < 1 or > MostAnswerTokens ? throw config.Unexpected(AnswerTokensField, $"a whole number from 1 to {MostAnswerTokens}")
            : notes;
    }

    /// <summary>Writes what is said.</summary>
    /// <param name="fields">Takes the fields; none where nothing is said.</param>
    public void AddTo(JsonObject fields)
    {
        if (Temperature != 1)
        {
            fields[TemperatureField] = Temperature;
        }

        if (ScoreThreshold > 0)
        {
            fields[ScoreThresholdField] = ScoreThreshold;
        }

        if (Thresholds is not null)
        {
            fields[ThresholdsField] = new JsonArray([.. Thresholds.Select(threshold => JsonValue.Create(threshold))]);
        }

        if (AnswerTokens is { } tokens)
        {
            fields[AnswerTokensField] = tokens;
        }
    }
}
