using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.ML.NaturalGradient.Models.T5;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>What a checkpoint's <c>config.json</c> says about classification: whether there is a head, and the names of the classes.</summary>
internal static partial class ClassifierConfig
{
    private const string ArchitecturesField = "architectures";
    private const string ClassifierSuffix = "ForSequenceClassification";

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
    };

    /// <summary>Whether the checkpoint is an encoder that was saved without a classification head.</summary>
    /// <param name="files">The small files of the checkpoint.</param>
    public static bool IsBareEncoder(IReadOnlyDictionary<string, byte[]> files)
    {
        var config = Parse(files[CheckpointFiles.ConfigName]);
        return !IsClassifier(config) && !IsTextToText(config);
    }

    /// <summary>Makes a checkpoint one that its architecture's own classification head can be put on.</summary>
    /// <param name="files">The checkpoint; owned by the result.</param>
    /// <returns>The same files, with a configuration that names the classifier; the caller disposes them.</returns>
    public static CheckpointFiles OpenAsClassifier(CheckpointFiles files)
    {
        using var stream = files.Open(CheckpointFiles.ConfigName);
        using var content = new MemoryStream();
        stream.CopyTo(content);
        var config = Parse(content.ToArray());
        if (IsClassifier(config) || IsTextToText(config))
        {
            return files;
        }

        config[ArchitecturesField] = new JsonArray(ClassName(config) + ClassifierSuffix);
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
    /// <returns>UTF-8 text; the architecture is the bare encoder where the checkpoint was no classifier.</returns>
    public static byte[] Write(IReadOnlyDictionary<string, byte[]> files, IReadOnlyList<string> classes)
    {
        var config = Parse(files[CheckpointFiles.ConfigName]);
        if (!IsTextToText(config))
        {
            config[ArchitecturesField] = new JsonArray(ClassName(config) + (IsClassifier(config) ? ClassifierSuffix : "Model"));
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

    private static bool IsClassifier(JsonObject config) => Architectures(config).Any(name => name.EndsWith(ClassifierSuffix, StringComparison.Ordinal));

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
