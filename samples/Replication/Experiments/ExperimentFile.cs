using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Samples;

namespace ReplicationSample;

/// <summary>Reads experiment files, and the ones that are built in.</summary>
internal static class ExperimentFile
{
    private const string Prefix = "Presets/";
    private const string PartsProperty = "parts";

    private static readonly JsonDocumentOptions Reading = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false };

    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        PropertyNameCaseInsensitive = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        WriteIndented = true,
    };

    /// <summary>The same on one line.</summary>
    public static JsonSerializerOptions Compact { get; } = new(Options) { WriteIndented = false, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Names of the files that are built in.</summary>
    public static IReadOnlyList<string> Presets { get; } =
    [
        .. Assembly.GetExecutingAssembly().GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(name => name[Prefix.Length..]).Order(StringComparer.Ordinal),
    ];

    /// <summary>The text of a file that is built in.</summary>
    public static string PresetText(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + name)
            ?? throw new UsageException($"There is no preset \"{name}\". The presets are {string.Join(", ", Presets)}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Reads an experiment, or several: each of the "parts" of a file is the file with what the part says instead.</summary>
    /// <param name="nameOrPath">A preset or the path of a file.</param>
    public static IReadOnlyList<Experiment> Load(string nameOrPath)
    {
        if (!File.Exists(nameOrPath) && !Presets.Contains(nameOrPath))
        {
            throw new UsageException($"\"{nameOrPath}\" is neither a file nor a preset. The presets are {string.Join(", ", Presets)}.");
        }

        try
        {
            return Parse(Presets.Contains(nameOrPath) ? PresetText(nameOrPath) : File.ReadAllText(nameOrPath));
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"The experiment file \"{nameOrPath}\" cannot be read: {exception.Message}");
        }
    }

    /// <summary>Reads the experiments of a text.</summary>
    /// <exception cref="JsonException">It is no experiment file.</exception>
    internal static IReadOnlyList<Experiment> Parse(string text)
    {
        var file = JsonNode.Parse(text, documentOptions: Reading) as JsonObject ?? throw new JsonException("It holds no object.");
        var parts = file[PartsProperty];
        file.Remove(PartsProperty);
        IEnumerable<JsonObject> objects = parts switch
        {
            null => [file],
            JsonArray { Count: > 0 } list => list.Select(part => Merge(file, part)),
            _ => throw new JsonException($"\"{PartsProperty}\" is no list of objects with something in it."),
        };
        var experiments = objects.Select(one => one.Deserialize<Experiment>(Options)!).ToArray();
        foreach (var experiment in experiments)
        {
            Check(experiment);
        }

        if (experiments.GroupBy(experiment => experiment.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new JsonException($"Two parts are called \"{twice.Key}\". Give each a \"name\".");
        }

        return parts is null
            ? [experiments[0] with { Study = experiments[0].Name }]
            : [.. experiments.Select(experiment => experiment with { Study = file["name"]?.ToString() ?? throw new JsonException("The file has no \"name\".") })];
    }

    private static JsonObject Merge(JsonObject file, JsonNode? part)
    {
        var merged = file.DeepClone().AsObject();
        foreach (var (name, value) in part as JsonObject ?? throw new JsonException($"A part is no object: {part?.ToJsonString() ?? "null"}"))
        {
            merged[name] = value?.DeepClone();
        }

        return merged;
    }

    private static void Check(Experiment experiment)
    {
        Positive(experiment.TrainingRows, nameof(experiment.TrainingRows));
        Positive(experiment.ValidationRows, nameof(experiment.ValidationRows));
        Positive(experiment.Epochs, nameof(experiment.Epochs));
        Positive(experiment.BatchSize, nameof(experiment.BatchSize));
        Positive(experiment.SearchSeeds, nameof(experiment.SearchSeeds));
        Positive(experiment.ImageSize ?? 1, nameof(experiment.ImageSize));
        foreach (var size in experiment.HiddenSizes)
        {
            Positive(size, nameof(experiment.HiddenSizes));
        }

        foreach (var count in experiment.EpochCounts)
        {
            Positive(count, nameof(experiment.EpochCounts));
        }

        if (experiment.RateFactors.Count == 0 || experiment.RateFactors.Any(factor => !(factor > 0 && double.IsFinite(factor))))
        {
            throw new JsonException("\"rateFactors\" has a factor that is not positive, or none. Use for example [0.25, 1, 4].");
        }

        if (experiment.Seeds.Count == 0)
        {
            throw new JsonException("\"seeds\" is empty. Name at least one, for example [1].");
        }

        foreach (var probe in new[] { experiment.Directions, experiment.DampingSweep }.OfType<Probe>())
        {
            Positive(probe.Batches, nameof(probe.Batches));
        }

        IReadOnlyList<JsonObject>[] lists = [experiment.Optimizers, experiment.Directions?.Methods ?? [], experiment.DampingSweep?.Methods ?? [], experiment.Pruning?.Methods ?? []];
        if (lists.Any(list => list.Contains(null!)))
        {
            throw new JsonException("A list of optimizers or methods has null in it. Name an object with a \"method\" (or, for pruning, \"by\"), or leave it out.");
        }

        if (experiment.Pruning is { } pruning)
        {
            Positive(pruning.Batches, nameof(pruning.Batches));
            if (pruning.Sparsities.Count == 0 || pruning.Sparsities.Any(sparsity => sparsity is not (>= 0 and < 1)))
            {
                throw new JsonException("\"sparsities\" has a number that is out of range, or none. Use numbers from 0 up to, but not including, 1.");
            }
        }
    }

    private static void Positive(int value, string name)
    {
        if (value < 1)
        {
            throw new JsonException($"\"{JsonNamingPolicy.CamelCase.ConvertName(name)}\" is {value}. Use at least 1.");
        }
    }
}
