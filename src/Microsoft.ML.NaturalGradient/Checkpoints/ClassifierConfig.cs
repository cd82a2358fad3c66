using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Models.Vision;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>What a checkpoint's <c>config.json</c> says about classification: whether there is a head, and the names of the classes.</summary>
internal static partial class ClassifierConfig
{
    private const string ArchitecturesField = "architectures";
    private const string TextSuffix = "ForSequenceClassification";

    private static readonly string[] TypeFields = ["dtype", "torch_dtype"];
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    // What transformers calls the classes of a model type.
    private static readonly Dictionary<string, string> ClassNames = new(StringComparer.Ordinal)
    {
        ["bert"] = "Bert",
        ["electra"] = "Electra",
        ["roberta"] = "Roberta",
        ["xlm-roberta"] = "XLMRoberta",
        ["distilbert"] = "DistilBert",
        ["deberta-v2"] = "DebertaV2",
        ["modernbert"] = "ModernBert",
        ["t5"] = "T5",
        ["vit"] = "ViT",
        ["deit"] = "DeiT",
        ["dinov2"] = "Dinov2",
    };

    /// <summary>Whether the checkpoint is a text encoder that was saved without a classification head: a head on it reads the mean of the tokens.</summary>
    /// <remarks>An image encoder is never one: a head on it reads what its architecture's own classifier reads.</remarks>
    /// <param name="files">The small files of the checkpoint.</param>
    public static bool IsBareTextEncoder(IReadOnlyDictionary<string, byte[]> files)
    {
        var config = Parse(files[CheckpointFiles.ConfigName]);
        return !IsClassifier(config) && !IsTextToText(config) && !IsImageModel(config);
    }

    /// <summary>Makes a checkpoint one that its architecture's own classification head can be put on.</summary>
    /// <param name="files">The checkpoint; owned by the result.</param>
    /// <param name="withTeacher">
    /// For pictures, whether the head is a mean of two, on the class and the distillation token; null for what the checkpoint says.
    /// </param>
    /// <returns>The same files, with a configuration that names the classifier; the caller disposes them.</returns>
    public static CheckpointFiles OpenAsClassifier(CheckpointFiles files, bool? withTeacher = null)
    {
        var config = Parse(files.Read(CheckpointFiles.ConfigName));
        var suffix = ClassifierSuffix(config, withTeacher);
        if (IsTextToText(config) || Architectures(config).Any(name => name.EndsWith(suffix, StringComparison.Ordinal)))
        {
            return files;
        }

        config[ArchitecturesField] = new JsonArray(ClassName(config) + suffix);
        return new ReplacedCheckpointFiles(files, CheckpointFiles.ConfigName, JsonSerializer.SerializeToUtf8Bytes(config, Indented));
    }

    /// <summary>Reads the names of the classes.</summary>
    /// <param name="files">The small files of the checkpoint.</param>
    /// <returns>The names in the order of the logits; null if the configuration has none.</returns>
    public static IReadOnlyList<string>? ReadClasses(IReadOnlyDictionary<string, byte[]> files)
    {
        if (Parse(files[CheckpointFiles.ConfigName])["id2label"] is not JsonObject names)
        {
            return null;
        }

        var found = Enumerable.Range(0, names.Count).Select(id => names[Key(id)]).ToArray();
        return found.All(name => name?.GetValueKind() == JsonValueKind.String) ? [.. found.Select(name => (string)name!)] : null;
    }

    /// <summary>Writes a configuration for a classifier whose weights are in float32.</summary>
    /// <param name="files">The small files of the checkpoint that it started from.</param>
    /// <param name="classes">The names of the classes in the order of the logits; one name where a number is predicted.</param>
    /// <returns>UTF-8 text; the architecture is the bare encoder where a text checkpoint was no classifier.</returns>
    public static byte[] Write(IReadOnlyDictionary<string, byte[]> files, IReadOnlyList<string> classes)
    {
        var config = Parse(files[CheckpointFiles.ConfigName]);
        if (!IsTextToText(config))
        {
            config[ArchitecturesField] = new JsonArray(
                ClassName(config) + (IsClassifier(config) || IsImageModel(config) ? ClassifierSuffix(config) : "Model"));
            config["problem_type"] = classes.Count == 1 ? "regression" : "single_label_classification";
        }

        config["num_labels"] = classes.Count;
        config["id2label"] = new JsonObject(classes.Select((name, id) => KeyValuePair.Create(Key(id), (JsonNode?)JsonValue.Create(name))));
        config["label2id"] = new JsonObject(classes.Select((name, id) => KeyValuePair.Create(name, (JsonNode?)JsonValue.Create(id))));
        foreach (var field in TypeFields.Where(config.ContainsKey))
        {
            config[field] = "float32";
        }

        return JsonSerializer.SerializeToUtf8Bytes(config, Indented);
    }

    /// <summary>What transformers calls the classes of this architecture, for example <c>Bert</c>.</summary>
    /// <param name="files">The small files of the checkpoint.</param>
    public static string ClassName(IReadOnlyDictionary<string, byte[]> files) => ClassName(Parse(files[CheckpointFiles.ConfigName]));

    private static JsonObject Parse(byte[] content) => JsonNode.Parse(content)!.AsObject();

    private static bool IsClassifier(JsonObject config) => IsImageModel(config)
        ? Architectures(config).Any(ImageEncoderSizes.IsClassifier)
        : Architectures(config).Any(name => name.EndsWith(TextSuffix, StringComparison.Ordinal));

    private static string ClassifierSuffix(JsonObject config, bool? withTeacher = null)
    {
        if (!IsImageModel(config))
        {
            return TextSuffix;
        }

        return withTeacher ?? Architectures(config).Any(ImageEncoderSizes.IsTeacher)
            ? ImageEncoderSizes.TeacherSuffix
            : ImageEncoderSizes.ClassifierSuffix;
    }

    private static bool IsImageModel(JsonObject config) => (string?)config["model_type"] is { } type && ImageEncoderFactory.IsKnown(type);

    private static bool IsTextToText(JsonObject config) => (string?)config["model_type"] == T5Config.ModelType;

    private static IEnumerable<string> Architectures(JsonObject config) =>
        config[ArchitecturesField] is JsonArray names ? names.Select(name => (string)name!) : [];

    private static string ClassName(JsonObject config) => ClassNames.TryGetValue((string)config["model_type"]!, out var name)
        ? name
        : ClassEnding().Replace(Architectures(config).FirstOrDefault() ?? "", "");

    private static string Key(int id) => id.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex("(For[A-Z]\\w+|Model|LMHeadModel)$", RegexOptions.CultureInvariant)]
    private static partial Regex ClassEnding();
}
