using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Samples;

namespace ReplicationSample;

/// <summary>Reads experiment files, and the ones that are built in.</summary>
internal static class ExperimentFile
{
    private const string Prefix = "Presets/";

    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        PropertyNameCaseInsensitive = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
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

    /// <summary>Reads an experiment.</summary>
    /// <param name="nameOrPath">A preset or the path of a file.</param>
    public static Experiment Load(string nameOrPath)
    {
        if (!File.Exists(nameOrPath) && !Presets.Contains(nameOrPath))
        {
            throw new UsageException($"\"{nameOrPath}\" is neither a file nor a preset. The presets are {string.Join(", ", Presets)}.");
        }

        try
        {
            var text = Presets.Contains(nameOrPath) ? PresetText(nameOrPath) : File.ReadAllText(nameOrPath);
            var experiment = JsonSerializer.Deserialize<Experiment>(text, Options) ?? throw new JsonException("It holds no object.");
            Check(experiment);
            return experiment;
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"The experiment file \"{nameOrPath}\" cannot be read: {exception.Message}");
        }
    }

    private static void Check(Experiment experiment)
    {
        Positive(experiment.TrainingRows, nameof(experiment.TrainingRows));
        Positive(experiment.ValidationRows, nameof(experiment.ValidationRows));
        Positive(experiment.Epochs, nameof(experiment.Epochs));
        Positive(experiment.BatchSize, nameof(experiment.BatchSize));
        Positive(experiment.SearchSeeds, nameof(experiment.SearchSeeds));
        foreach (var size in experiment.HiddenSizes)
        {
            Positive(size, nameof(experiment.HiddenSizes));
        }

        if (experiment.Seeds.Count == 0)
        {
            throw new JsonException("\"seeds\" is empty. Name at least one, for example [1].");
        }

        foreach (var probe in new[] { experiment.Directions, experiment.DampingSweep }.OfType<Probe>())
        {
            Positive(probe.Batches, nameof(probe.Batches));
        }

        if (experiment.Pruning is { } pruning)
        {
            Positive(pruning.Batches, nameof(pruning.Batches));
            if (pruning.Sparsities.Any(sparsity => sparsity is not (>= 0 and < 1)))
            {
                throw new JsonException("A sparsity is out of range. Use numbers from 0 up to, but not including, 1.");
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
