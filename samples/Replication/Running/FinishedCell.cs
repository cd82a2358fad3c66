using System.Text.Json.Nodes;

namespace ReplicationSample;

/// <summary>A finished run as its file holds it.</summary>
internal sealed record FinishedCell
{
    public required ExperimentKind Kind { get; init; }

    /// <summary>Name of the experiment.</summary>
    public required string Experiment { get; init; }

    /// <summary>Name of the file whose parts share a table and a picture; only for rates.</summary>
    public string? Study { get; init; }

    /// <summary>The same for all runs of a table.</summary>
    public required string GroupKey { get; init; }

    /// <summary>The optimizer's name in tables.</summary>
    public required string Optimizer { get; init; }

    /// <summary>The learning rate that the file names, null for the method's own; with rates the one used.</summary>
    public required double? LearningRate { get; init; }

    /// <summary>What the optimizer's learning rate was multiplied by; only for rates.</summary>
    public double? RateFactor { get; init; }

    public required int Seed { get; init; }

    /// <summary>Number of classes; 0 in files of earlier versions.</summary>
    public int ClassCount { get; init; }

    /// <summary>All settings.</summary>
    public required JsonObject Settings { get; init; }

    /// <summary>Epochs that tables and pictures show; empty for all.</summary>
    public IReadOnlyList<int> ShownEpochs { get; init; } = [];

    /// <summary>Time of the run, with measurements.</summary>
    public required double Seconds { get; init; }

    /// <summary>Why the run ended early; null when it did not.</summary>
    public string? Failure { get; init; }

    public required IReadOnlyList<EpochResult> Epochs { get; init; }

    /// <summary>The model that the trainer returned, on the validation rows; only for rates, and null where it returned none.</summary>
    public ReturnedResult? Returned { get; init; }

    /// <summary>What the trainer warned of; only for rates.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The network after pruning; only for that experiment.</summary>
    public IReadOnlyList<PruningResult> Pruned { get; init; } = [];
}
