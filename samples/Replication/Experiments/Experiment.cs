using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ReplicationSample;

/// <summary>An experiment file.</summary>
internal sealed record Experiment
{
    /// <summary>Name in tables and titles.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the file that this is a part of; its own where the file has no parts.</summary>
    [JsonIgnore]
    public string Study { get; init; } = "";

    /// <summary>The data: a name that <see cref="TaskData"/> knows.</summary>
    public required string Task { get; init; }

    /// <summary>MiniLM, BgeSmall, ViTSmall, a folder with a checkpoint, or owner/name of a model on the hub; without meaning for mlp and pruning.</summary>
    public string Encoder { get; init; } = "MiniLM";

    /// <summary>What is trained: a member of <c>Adapters</c> by name, or an object with "kind" and the adapter's own settings.</summary>
    public JsonNode Adapter { get; init; } = "LoRA";

    /// <summary>Most training rows.</summary>
    public int TrainingRows { get; init; } = 1000;

    /// <summary>Most validation rows.</summary>
    public int ValidationRows { get; init; } = 872;

    public int Epochs { get; init; } = 5;

    /// <summary>Lengths of the runs of rates, each with the whole schedule; empty for <see cref="Epochs"/> only.</summary>
    public IReadOnlyList<int> EpochCounts { get; init; } = [];

    /// <summary>What rates multiplies the learning rate of each optimizer by.</summary>
    public IReadOnlyList<double> RateFactors { get; init; } = [1 / 16.0, 1 / 4.0, 1, 4, 16];

    /// <summary>Number of classes; only for the task synthetic, which makes them up.</summary>
    public int? Classes { get; init; }

    public int BatchSize { get; init; } = 32;

    /// <summary>Most tokens of a text.</summary>
    public int MaxSequenceLength { get; init; } = 96;

    /// <summary>Width and height of pictures; null for the encoder's own, or for mlp and pruning that of the files.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Widths of the hidden layers; mlp and pruning only.</summary>
    public IReadOnlyList<int> HiddenSizes { get; init; } = [];

    public IReadOnlyList<int> Seeds { get; init; } = [1];

    /// <summary>How many of the seeds choose among several learning rates of an optimizer; the others are run at the best rate only.</summary>
    public int SearchSeeds { get; init; } = 1;

    /// <summary>The optimizers of e2, mlp and rates.</summary>
    public IReadOnlyList<JsonObject> Optimizers { get; init; } = [];

    /// <summary>The optimizer of the run along which e1 and e3 measure, and of the network that pruning prunes.</summary>
    public JsonObject Run { get; init; } = new() { ["method"] = "AdamW" };

    /// <summary>What e1 measures.</summary>
    public Probe? Directions { get; init; }

    /// <summary>What e3 measures.</summary>
    public Probe? DampingSweep { get; init; }

    /// <summary>How pruning prunes.</summary>
    public PruningSweep? Pruning { get; init; }

    /// <summary>The least of everything, to see that it works.</summary>
    public Experiment Tiny() => this with
    {
        TrainingRows = Math.Min(TrainingRows, 48),
        ValidationRows = Math.Min(ValidationRows, 48),
        Epochs = Math.Min(Epochs, 2),
        EpochCounts = [.. EpochCounts.Select(count => Math.Min(count, 2)).Distinct()],
        RateFactors = [.. RateFactors.Order().Where((factor, index) => index == 0 || index == RateFactors.Count - 1 || factor == 1)],
        Classes = Classes is { } classes ? Math.Min(classes, 12) : null,
        BatchSize = Math.Min(BatchSize, 16),
        MaxSequenceLength = Math.Min(MaxSequenceLength, 32),
        HiddenSizes = [.. HiddenSizes.Select(size => Math.Min(size, 16))],
        Seeds = [.. Seeds.Take(2)],
        Directions = Directions?.Tiny(),
        DampingSweep = DampingSweep?.Tiny(),
        Pruning = Pruning?.Tiny(),
    };
}
