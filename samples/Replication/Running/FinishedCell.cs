using System.Text.Json.Nodes;

namespace ReplicationSample;

/// <summary>A finished run as its file holds it.</summary>
internal sealed record FinishedCell
{
    public required ExperimentKind Kind { get; init; }

    /// <summary>Name of the experiment.</summary>
    public required string Experiment { get; init; }

    /// <summary>The same for all runs of a table.</summary>
    public required string GroupKey { get; init; }

    /// <summary>The optimizer's name in tables.</summary>
    public required string Optimizer { get; init; }

    /// <summary>The learning rate that the file names; null for the method's own.</summary>
    public required double? LearningRate { get; init; }

    public required int Seed { get; init; }

    /// <summary>All settings.</summary>
    public required JsonObject Settings { get; init; }

    /// <summary>Epochs that tables and pictures show; empty for all.</summary>
    public IReadOnlyList<int> ShownEpochs { get; init; } = [];

    /// <summary>Time of the run, with measurements.</summary>
    public required double Seconds { get; init; }

    /// <summary>Why the run ended early; null when it did not.</summary>
    public string? Failure { get; init; }

    public required IReadOnlyList<EpochResult> Epochs { get; init; }

    /// <summary>The network after pruning; only for that experiment.</summary>
    public IReadOnlyList<PruningResult> Pruned { get; init; } = [];
}
