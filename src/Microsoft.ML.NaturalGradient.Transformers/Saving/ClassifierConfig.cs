using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>What a checkpoint's <c>config.json</c> says about classification: whether there is a head, and the names of the classes.</summary>
internal static class ClassifierConfig
{
    private const string ArchitecturesField = "architectures";
    private const string TypeField = "model_type";
    private const string NamesField = "id2label";
    private const string EncoderSuffix = "Model";
    private const string TokenSuffix = "ForTokenClassification";
    private const string SpanSuffix = "ForQuestionAnswering";
    private const string ProblemField = "problem_type";
    private const string TasksField = "task_specific_params";
    private const string TaskName = "natural_gradient_classification";

    /// <summary>What transformers calls models that give each class a probability of its own.</summary>
    public const string SeveralLabels = "multi_label_classification";

    /// <summary>What transformers calls models that give the classes one distribution.</summary>
    public const string OneLabel = "single_label_classification";

    /// <summary>What transformers calls models that predict numbers.</summary>
    public const string Numbers = "regression";

    private static readonly string[] TypeFields = ["dtype", "torch_dtype"];
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Whether the checkpoint is a text encoder that was saved without a classification head: a head on it reads the mean of the tokens.</summary>
    /// <remarks>An image encoder is never one: a head on it reads what its architecture's own classifier reads.</remarks>
    /// <param name="files">The small files of the checkpoint.</param>
    public static bool IsBareTextEncoder(IReadOnlyDictionary<string, byte[]> files)
    {
        var config = Parse(files[CheckpointFiles.ConfigName]);
        return !IsClassifier(config) && KindOf(config) == ArchitectureKind.TextEncoder;
    }

    /// <summary>Makes a checkpoint one that its architecture's own classification head can be put on.</summary>
    /// <param name="files">The checkpoint; owned by the result.</param>
    /// <param name="withTeacher">
    /// For pictures, whether the head is a mean of two, on the class and the distillation token; null for what the checkpoint says.
    /// </param>
    /// <returns>The same files, with a configuration that names the classifier; the caller disposes them.</returns>
    public static CheckpointFiles OpenAsClassifier(CheckpointFiles files, bool? withTeacher = null)
    {
        ModelConfig.Read(files).CheckKind();
        var config = Parse(files.Read(CheckpointFiles.ConfigName));
        var suffix = ClassifierSuffix(config, withTeacher);
        if (KindOf(config) == ArchitectureKind.TextToText || ClassNames(config).Any(name => name.EndsWith(suffix, StringComparison.Ordinal)))
        {
            return files;
        }

        return Replace(files, config, Classes(config) + suffix);
    }

    /// <summary>Makes a text checkpoint one without a head of its own, so that a head on it reads the mean of the tokens.</summary>
    /// <param name="files">The checkpoint; owned by the result.</param>
    /// <returns>The same files, with a configuration that names the bare encoder; the caller disposes them.</returns>
    public static CheckpointFiles OpenAsEncoder(CheckpointFiles files)
    {
        ModelConfig.Read(files).CheckKind();
        var config = Parse(files.Read(CheckpointFiles.ConfigName));
        return KindOf(config) == ArchitectureKind.TextEncoder && IsClassifier(config) ? Replace(files, config, Classes(config) + EncoderSuffix) : files;
    }

    /// <summary>Refuses a checkpoint whose outputs are no distribution over the classes.</summary>
    /// <param name="files">The small files of the checkpoint.</param>
    /// <exception cref="NotSupportedException">It gives each class a probability of its own, or predicts numbers.</exception>
    public static void CheckSingleLabel(IReadOnlyDictionary<string, byte[]> files)
    {
        if (Problem(files) is { } problem and (SeveralLabels or Numbers))
        {
            throw OfAnotherProblem("model", problem);
        }
    }

    /// <summary>Refuses a checkpoint whose outputs are not a probability of its own for each class.</summary>
    /// <param name="files">The small files of the checkpoint.</param>
    /// <exception cref="NotSupportedException">They are a distribution over the classes, or numbers.</exception>
    public static void CheckSeveralLabels(IReadOnlyDictionary<string, byte[]> files)
    {
        if (Problem(files) is { } problem and (OneLabel or Numbers))
        {
            throw OfAnotherProblem("model", problem);
        }
    }

    /// <summary>The error for a head whose outputs mean something else than they would be read as.</summary>
    /// <param name="what">The model or adapter.</param>
    /// <param name="problem">What transformers calls it.</param>
    public static NotSupportedException OfAnotherProblem(string what, string problem) => new($"The {what} has {ProblemField} '{problem}': " + problem switch
    {
        SeveralLabels => "several classes may be right at once. Read it with Checkpoints.LoadMultiLabelClassifier.",
        OneLabel => "one class is right at a time. Read it with Checkpoints.LoadTextClassifier.",
        _ => "its outputs are numbers. Read it with Checkpoints.LoadTextRegression.",
    });

    /// <summary>Whether a checkpoint was saved with a head that classifies whole texts, whose weights may be called like those of one that classifies tokens.</summary>
    /// <param name="config">Its configuration.</param>
    public static bool IsOfWholeTexts(ModelConfig config) => config.Architectures.Any(name => name.EndsWith(EncoderSizes.ClassifierSuffix, StringComparison.Ordinal));

    /// <summary>Reads the names of the classes.</summary>
    /// <param name="files">The small files of the checkpoint.</param>
    /// <returns>The names in the order of the logits; null if the configuration has none.</returns>
    public static IReadOnlyList<string>? ReadClasses(IReadOnlyDictionary<string, byte[]> files) => ReadClasses(files[CheckpointFiles.ConfigName]);

    /// <summary>Reads the names of the classes.</summary>
    /// <param name="settings">A JSON object that may have them as <c>id2label</c>.</param>
    /// <returns>The names in the order of the logits; null if it has none.</returns>
    public static IReadOnlyList<string>? ReadClasses(byte[] settings)
    {
        if (Parse(settings)[NamesField] is not JsonObject names)
        {
            return null;
        }

        var found = Enumerable.Range(0, names.Count).Select(id => names[Key(id)]).ToArray();
        return found.All(name => name?.GetValueKind() is JsonValueKind.String or JsonValueKind.Number) ? [.. found.Select(name => name!.ToString())] : null;
    }

    /// <summary>Writes a configuration for a classifier whose weights are in float32.</summary>
    /// <param name="files">The small files of the checkpoint that it started from.</param>
    /// <param name="classes">The names of the classes in the order of the logits; one name where a number is predicted.</param>
    /// <param name="textToText">How a text-to-text model is asked.</param>
    /// <param name="predictions">How outputs become predictions.</param>
    /// <param name="kind">The head.</param>
    /// <param name="problem">What transformers calls the loss of a whole text's outputs.</param>
    /// <returns>UTF-8 text; the architecture is <see cref="MeanPooled"/> where a text checkpoint was no classifier.</returns>
    /// <exception cref="InvalidOperationException">Two classes have one name.</exception>
    public static byte[] Write(IReadOnlyDictionary<string, byte[]> files, IReadOnlyList<string> classes, TextToTextSettings textToText, PredictionNotes predictions, HeadKind kind = HeadKind.Whole, string problem = OneLabel)
    {
        if (DescribeRepeated(classes) is { } repeated)
        {
            throw new InvalidOperationException(repeated);
        }

        var config = Parse(files[CheckpointFiles.ConfigName]);
        Describe(config, ClassifierNotes.Describe(textToText, predictions));
        if (KindOf(config) == ArchitectureKind.TextToText)
        {
            // It has no head that could be named.
        }
        else if (kind != HeadKind.Whole)
        {
            config[TypeField] = ModelType(config);
            config[ArchitecturesField] = new JsonArray(Classes(config) + (kind == HeadKind.Tokens ? TokenSuffix : SpanSuffix));
            _ = config.Remove(ProblemField);
        }
        else
        {
            var isMean = IsBareTextEncoder(files);
            config[TypeField] = isMean ? MeanPooled.TypeOf(ModelType(config)!) : ModelType(config);
            config[ArchitecturesField] = new JsonArray(isMean ? MeanPooled.ClassName : Classes(config) + ClassifierSuffix(config));
            config[ProblemField] = problem;
        }

        config["num_labels"] = classes.Count;
        config[NamesField] = NamesById(classes);
        config["label2id"] = new JsonObject(classes.Select((name, id) => KeyValuePair.Create(name, (JsonNode?)JsonValue.Create(id))));
        foreach (var field in TypeFields.Where(config.ContainsKey))
        {
            config[field] = "float32";
        }

        return JsonSerializer.SerializeToUtf8Bytes(config, Indented);
    }

    /// <summary>Says which classes <see cref="Write"/> cannot tell apart.</summary>
    /// <param name="classes">The names of the classes in the order of the logits.</param>
    /// <returns>Sentences; null where all names differ.</returns>
    public static string? DescribeRepeated(IReadOnlyList<string> classes)
    {
        var repeated = classes.Select((name, id) => (Name: name, Number: id + 1)).GroupBy(pair => pair.Name, pair => pair.Number, StringComparer.Ordinal).Where(group => group.Count() > 1)
            .Select(group => FormattableString.Invariant($"'{group.Key}' ({string.Join(", ", group)})")).ToArray();
        return repeated.Length == 0 ? null
            : $"Classes that differ have the same name as text: {MessageText.Few(repeated)}. Files for Python and ONNX tell classes apart by their names: give the label values that differ as text.";
    }

    /// <summary>Reads how a text-to-text model is asked.</summary>
    /// <param name="files">The checkpoint.</param>
    /// <returns>What <see cref="Write"/> wrote; nothing where the configuration does not say.</returns>
    public static TextToTextSettings ReadTextToText(CheckpointFiles files) =>
        Section(files) is { } section ? ClassifierNotes.ReadTextToText(section) : TextToTextSettings.None;

    /// <summary>Reads how outputs become predictions.</summary>
    /// <param name="files">The checkpoint.</param>
    /// <returns>What <see cref="Write"/> wrote; nothing where the configuration does not say.</returns>
    public static PredictionNotes ReadPredictions(CheckpointFiles files) => Section(files) is { } section ? PredictionNotes.Read(section) : PredictionNotes.None;

    /// <summary>Names of classes as configurations list them.</summary>
    /// <param name="classes">The names in the order of the logits.</param>
    public static JsonObject NamesById(IReadOnlyList<string> classes) =>
        new(classes.Select((name, id) => KeyValuePair.Create(Key(id), (JsonNode?)JsonValue.Create(name))));

    /// <summary>How many classes the checkpoint's own head tells apart.</summary>
    /// <param name="files">The small files of the checkpoint.</param>
    /// <returns>Their number; null if the checkpoint has no head of its own.</returns>
    public static int? HeadClassCount(IReadOnlyDictionary<string, byte[]> files)
    {
        const int usual = 2;
        var config = Parse(files[CheckpointFiles.ConfigName]);
        return !IsClassifier(config) ? null
            : (config[NamesField] as JsonObject)?.Count ?? (config["num_labels"] is JsonValue value && value.TryGetValue<int>(out var count) ? count : usual);
    }

    private static ModelConfig? Section(CheckpointFiles files) => ModelConfig.Read(files).Section(TasksField)?.Section(TaskName);

    // In place of what the checkpoint says of a model that it was trained from.
    private static void Describe(JsonObject config, JsonObject notes)
    {
        var tasks = config[TasksField] as JsonObject;
        if (notes.Count == 0)
        {
            _ = tasks?.Remove(TaskName);
            return;
        }

        if (tasks is null)
        {
            config[TasksField] = tasks = [];
        }

        tasks[TaskName] = notes;
    }

    private static ReplacedCheckpointFiles Replace(CheckpointFiles files, JsonObject config, string architecture)
    {
        config[TypeField] = ModelType(config);
        config[ArchitecturesField] = new JsonArray(architecture);
        return new ReplacedCheckpointFiles(files, CheckpointFiles.ConfigName, JsonSerializer.SerializeToUtf8Bytes(config, Indented));
    }

    private static JsonObject Parse(byte[] content) => JsonText.ParseObject(content, $"'{CheckpointFiles.ConfigName}'");

    private static bool IsClassifier(JsonObject config) => ClassNames(config).Any(KindOf(config) == ArchitectureKind.ImageEncoder
        ? ImageEncoderSizes.IsClassifier
        : name => name.EndsWith(EncoderSizes.ClassifierSuffix, StringComparison.Ordinal));

    private static string ClassifierSuffix(JsonObject config, bool? withTeacher = null)
    {
        if (KindOf(config) != ArchitectureKind.ImageEncoder)
        {
            return EncoderSizes.ClassifierSuffix;
        }

        return withTeacher ?? ClassNames(config).Any(ImageEncoderSizes.IsTeacher)
            ? ImageEncoderSizes.TeacherSuffix
            : ImageEncoderSizes.ClassifierSuffix;
    }

    // Of an architecture that is not supported, which is refused when its network is made, a text encoder's.
    private static ArchitectureKind KindOf(JsonObject config) => Architectures.Find(ModelType(config))?.Kind ?? ArchitectureKind.TextEncoder;

    private static string? Classes(JsonObject config) => Architectures.Find(ModelType(config))?.ClassName;

    private static string? ModelType(JsonObject config) => (string?)config[TypeField] is { } type ? MeanPooled.EncoderType(type) : null;

    private static string? Problem(IReadOnlyDictionary<string, byte[]> files) =>
        Parse(files[CheckpointFiles.ConfigName])[ProblemField] is JsonValue value && value.TryGetValue<string>(out var problem) ? problem : null;

    private static IEnumerable<string> ClassNames(JsonObject config) =>
        config[ArchitecturesField] is JsonArray names ? names.Select(name => (string)name!) : [];

    private static string Key(int id) => id.ToString(CultureInfo.InvariantCulture);
}
