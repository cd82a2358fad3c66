using System.Globalization;
using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Reads a folder with an exported graph: what the graph's notes say of its predictions, and the tokenizer or image processor beside it.</summary>
internal static class ServedFolder
{
    /// <summary>Name of the note with what is predicted.</summary>
    public const string TaskNote = "task";

    /// <summary>Name of the note with the classes, or names of the outputs.</summary>
    public const string NamesNote = "class_names";

    /// <summary>Name of the note with the longest sequence; graphs for pictures have none.</summary>
    public const string TokensNote = "max_tokens";

    /// <summary>Name of the note on whether a row is a pair of texts.</summary>
    public const string PairsNote = "reads_pairs";

    /// <summary>Name of the note with the prompt that rows are put into.</summary>
    public const string PromptNote = "prompt";

    /// <summary>Name of the note with the probability that a class needs.</summary>
    public const string ThresholdNote = "score_threshold";

    /// <summary>Name of the note with the probability that each of several classes needs.</summary>
    public const string ThresholdsNote = "thresholds";

    /// <summary>Name of the note on whether the first tag stands for words without a key.</summary>
    public const string OutsideNote = "first_class_is_no_key";

    /// <summary>Name of the note with how many answers are given.</summary>
    public const string AnswersNote = "answers";

    /// <summary>Name of the note with the most tokens of an answer.</summary>
    public const string AnswerTokensNote = "answer_tokens";

    /// <summary>Name of the note with the most pixels of a picture before it is resized.</summary>
    public const string PixelsNote = "max_pixels";

    /// <summary>Name of the note on whether pictures that cannot be read are skipped.</summary>
    public const string SkipNote = "skips_unreadable";

    /// <summary>Name of the note with the class of tokenizer or image processor where no file names one.</summary>
    public const string PreprocessorNote = "preprocessor_class";

    private const int UsualAnswers = 3;
    private const int UsualAnswerTokens = 30;

    private static readonly (string Name, LabelKind Kind)[] Tasks =
    [
        ("class", LabelKind.Class), ("number", LabelKind.Number), ("several_classes", LabelKind.Classes), ("tags", LabelKind.Tags), ("answer", LabelKind.Answer),
    ];

    /// <summary>Reads a folder.</summary>
    /// <param name="files">The folder.</param>
    /// <param name="notes">The graph's notes.</param>
    /// <param name="names">Names of the columns.</param>
    /// <returns>The model.</returns>
    /// <exception cref="InvalidDataException">A note is missing or makes no sense; the message names it.</exception>
    public static ServedModel Read(CheckpointFiles files, IReadOnlyDictionary<string, string> notes, ServedColumns names)
    {
        var reader = new Notes(notes, files.Description);
        var task = reader.Text(TaskNote) ?? throw reader.Wrong(TaskNote, $"one of {string.Join(", ", Tasks.Select(known => known.Name))}");
        var kind = Array.Find(Tasks, known => known.Name == task).Kind ?? throw reader.Wrong(TaskNote, $"one of {string.Join(", ", Tasks.Select(known => known.Name))}");
        var small = files.ReadSmallFiles();
        var usualClass = reader.Text(PreprocessorNote);
        if (!notes.ContainsKey(TokensNote))
        {
            var pixels = (long)reader.Number(PixelsNote, 1, ImageDecoder.HighestMaxPixels, ImageDecoder.DefaultMaxPixels);
            var reading = new ImageReading(null, pixels, reader.Truth(SkipNote, true) ? UnreadableImages.Skip : UnreadableImages.Stop);
            return new ServedPictures(names.ForPictures(), (ClassFormat)Format(kind, reader), reading, small, usualClass);
        }

        var maxTokens = (int)reader.Number(TokensNote, 1, int.MaxValue, null);
        return new ServedTexts(names.ForTexts(kind, reader.Truth(PairsNote, false)), Scoring(kind, reader), maxTokens, reader.Text(PromptNote) is not null, small, usualClass);
    }

    private static TextScoring Scoring(LabelKind kind, Notes notes)
    {
        if (kind == LabelKind.Number)
        {
            return new NumberScoring();
        }

        if (kind == LabelKind.Answer)
        {
            return new AnswerScoring(new AnswerSearch(
                (int)notes.Number(AnswersNote, 1, int.MaxValue, UsualAnswers), (int)notes.Number(AnswerTokensNote, 1, int.MaxValue, UsualAnswerTokens)));
        }

        return Format(kind, notes) switch
        {
            TagFormat tags => new TagScoring(tags, null),
            SeveralClassesFormat classes => new SeveralClassesScoring(classes),
            var format => new ClassificationScoring((ClassFormat)format, new TextToTextSettings(notes.Prompt(), null)),
        };
    }

    private static PredictionFormat Format(LabelKind kind, Notes notes)
    {
        var names = notes.List<string>(NamesNote);
        var isFirstOutside = kind == LabelKind.Tags && notes.Truth(OutsideNote, false);
        var own = isFirstOutside ? [.. names.Skip(1)] : names;
        var labels = names.Length >= 2 ? ClassLabels.Of(own) : throw notes.Wrong(NamesNote, "a list of at least two names");
        if (kind == LabelKind.Tags)
        {
            return new TagFormat(labels, isFirstOutside);
        }

        if (kind == LabelKind.Class)
        {
            return new ClassFormat(labels, 1, (float)notes.Number(ThresholdNote, 0, 1, 0));
        }

        var thresholds = notes.List<float>(ThresholdsNote);
        return thresholds.Length == labels.Count && Array.TrueForAll(thresholds, threshold => threshold is >= 0 and <= 1)
            ? new SeveralClassesFormat(labels, thresholds)
            : throw notes.Wrong(ThresholdsNote, "a probability for each class");
    }

    private sealed class Notes(IReadOnlyDictionary<string, string> notes, string place)
    {
        public string? Text(string name) => notes.GetValueOrDefault(name);

        public bool Truth(string name, bool usual) => Text(name) is not { } text ? usual : bool.TryParse(text, out var value) ? value : throw Wrong(name, "true or false");

        public double Number(string name, double least, double most, double? usual) =>
            Text(name) is { } text
                ? double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
                    ? value : throw Wrong(name, FormattableString.Invariant($"a number from {least} to {most}"))
                : usual ?? throw Wrong(name, FormattableString.Invariant($"a number from {least} to {most}"));

        public T[] List<T>(string name)
        {
            try
            {
                return Text(name) is { } text && JsonSerializer.Deserialize<T[]>(text) is { } values && !Array.Exists(values, value => value is null) ? values : throw Wrong(name, "a list");
            }
            catch (JsonException)
            {
                throw Wrong(name, "a list");
            }
        }

        public PromptTemplate? Prompt()
        {
            try
            {
                return Text(PromptNote) is { } text ? new PromptTemplate(text) : null;
            }
            catch (ArgumentException)
            {
                throw Wrong(PromptNote, "a prompt with {sentence1}");
            }
        }

        public InvalidDataException Wrong(string name, string expected) => new(
            $"The graph in {place} {(Text(name) is { } text ? $"notes '{name}' as '{text}'" : $"has no note '{name}'")}; expected {expected}. Give a folder that SaveOnnx wrote.");
    }
}
