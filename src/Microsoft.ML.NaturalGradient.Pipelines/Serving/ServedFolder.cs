using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>What a folder with an exported graph says about the model beside tokenizer or image processor, so that ML.NET can score with it.</summary>
internal static class ServedFolder
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "natural_gradient.json";

    private const string TaskField = "task";
    private const string ReadsField = "reads";
    private const string TextsValue = "texts";
    private const string PicturesValue = "pictures";
    private const string UsualClassField = "usual_class";
    private const string NamesField = "class_names";
    private const string TokensField = "max_tokens";
    private const string PromptField = "prompt";
    private const string ThresholdField = "score_threshold";
    private const string ThresholdsField = "thresholds";
    private const string OutsideField = "missing_is_outside";
    private const string CountField = "answer_count";
    private const string LongestField = "answer_tokens";
    private const string SizeField = "image_size";
    private const string PixelsField = "max_pixels";
    private const string SkipField = "skips_unreadable";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Describes a model.</summary>
    /// <param name="model">The model; its columns are not described.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] Write(ServedModel model)
    {
        var fields = new JsonObject { [TaskField] = model.Format.Kind.Name, [UsualClassField] = model.UsualClass };
        switch (model.Format)
        {
            case ClassFormat classes:
                fields[NamesField] = Array(classes.Labels.Names);
                fields[ThresholdField] = classes.ScoreThreshold;
                break;
            case SeveralClassesFormat several:
                fields[NamesField] = Array(several.Labels.Names);
                fields[ThresholdsField] = Array(several.Thresholds);
                break;
            case TagFormat tags:
                fields[NamesField] = Array(tags.Labels.Names);
                fields[OutsideField] = tags.MissingIsOutside;
                break;
        }

        if (model is ServedTexts texts)
        {
            fields[ReadsField] = TextsValue;
            fields[TokensField] = texts.MaxTokens;
            if (texts.AnswersWithText)
            {
                fields[PromptField] = ((ClassificationScoring)texts.Scoring).TextToText.PromptFor(texts.Columns.Sentence2 is not null).Text;
            }

            if (texts.Scoring is AnswerScoring { Search: var search })
            {
                fields[CountField] = search.Count;
                fields[LongestField] = search.MostTokens;
            }
        }
        else if (model is ServedPictures { Reading: var reading })
        {
            fields[ReadsField] = PicturesValue;
            fields[SizeField] = reading.ImageSize;
            fields[PixelsField] = reading.MaxPixels;
            fields[SkipField] = reading.Unreadable == UnreadableImages.Skip;
        }

        return JsonSerializer.SerializeToUtf8Bytes(fields, Indented);
    }

    /// <summary>Reads a folder.</summary>
    /// <param name="files">The folder.</param>
    /// <param name="names">Names of the columns.</param>
    /// <returns>The model.</returns>
    /// <exception cref="FileNotFoundException">The description is missing; the message says what to do.</exception>
    /// <exception cref="InvalidDataException">A field is missing or makes no sense; the message names it.</exception>
    public static ServedModel Read(CheckpointFiles files, ServedColumns names)
    {
        if (!files.Exists(FileName))
        {
            throw new FileNotFoundException(
                $"There is no '{FileName}' in {files.Description}, which says what the graph predicts. Give a folder that SaveOnnx wrote.", FileName);
        }

        var config = ModelConfig.Read(files, FileName);
        var kind = LabelKind.All.FirstOrDefault(known => known.Name == config.OptionalString(TaskField, ""))
            ?? throw config.Unexpected(TaskField, string.Join(", ", LabelKind.All.Select(known => $"\"{known.Name}\"")));
        var usualClass = config.OptionalString(UsualClassField, null);
        var small = files.ReadSmallFiles();
        if (config.RequireString(ReadsField) == PicturesValue)
        {
            var size = config.OptionalInt(SizeField, 0);
            var reading = new ImageReading(
                size == 0 ? null : (int)Between(size, SizeField, 1, ImagePreprocessor.LargestSize),
                (long)Between(config.OptionalDouble(PixelsField, ImageDecoder.DefaultMaxPixels), PixelsField, 1, ImageDecoder.HighestMaxPixels),
                config.OptionalBool(SkipField, true) ? UnreadableImages.Skip : UnreadableImages.Stop);
            return new ServedPictures(names.ForPictures(), (ClassFormat)Format(kind, config), reading, small, usualClass);
        }

        var prompt = config.OptionalString(PromptField, null);
        return new ServedTexts(
            names.ForTexts(kind), Scoring(kind, config, prompt), (int)Between(config.RequireInt(TokensField), TokensField, 1, int.MaxValue), prompt is not null, small, usualClass);
    }

    private static TextScoring Scoring(LabelKind kind, ModelConfig config, string? prompt)
    {
        if (kind == LabelKind.Number)
        {
            return new NumberScoring();
        }

        if (kind == LabelKind.Answer)
        {
            return new AnswerScoring(new AnswerSearch(
                (int)Between(config.RequireInt(CountField), CountField, 1, int.MaxValue), (int)Between(config.RequireInt(LongestField), LongestField, 1, int.MaxValue)));
        }

        return Format(kind, config) switch
        {
            TagFormat tags => new TagScoring(tags, null),
            SeveralClassesFormat classes => new SeveralClassesScoring(classes),
            var format => new ClassificationScoring((ClassFormat)format, new TextToTextSettings(prompt is null ? null : new PromptTemplate(prompt), null)),
        };
    }

    private static PredictionFormat Format(LabelKind kind, ModelConfig config)
    {
        var names = config.OptionalStrings(NamesField);
        var labels = names.Count >= 2 ? ClassLabels.Of(names) : throw config.Unexpected(NamesField, "a list of at least two names");
        if (kind == LabelKind.Tags)
        {
            return new TagFormat(labels, config.OptionalBool(OutsideField, false));
        }

        if (kind == LabelKind.Class)
        {
            return new ClassFormat(labels, 1, (float)Between(config.OptionalDouble(ThresholdField, 0), ThresholdField, 0, 1));
        }

        var thresholds = config.OptionalNumberList(ThresholdsField);
        return thresholds.Count == labels.Count
            ? new SeveralClassesFormat(labels, [.. thresholds.Select(threshold => (float)Between(threshold, ThresholdsField, 0, 1))])
            : throw config.Unexpected(ThresholdsField, "a probability for each class");
    }

    private static double Between(double value, string field, double least, double most) => value >= least && value <= most
        ? value
        : throw ModelConfig.OutOfRange(field, value, FormattableString.Invariant($"from {least} to {most}"));

    private static JsonArray Array<T>(IEnumerable<T> values) => [.. values.Select(value => (JsonNode?)JsonValue.Create(value))];
}
