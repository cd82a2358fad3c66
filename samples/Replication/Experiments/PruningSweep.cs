using System.Text.Json.Nodes;

namespace ReplicationSample;

/// <summary>How a trained network is pruned, at once and without training it again.</summary>
internal sealed record PruningSweep
{
    /// <summary>Training batches from which the Fisher matrix is estimated.</summary>
    public int Batches { get; init; } = 8;

    /// <summary>Fractions of the weights that are removed.</summary>
    public IReadOnlyList<double> Sparsities { get; init; } = [0, 0.5, 0.7, 0.8, 0.9, 0.95];

    /// <summary>The ways to prune, each with its settings.</summary>
    public required IReadOnlyList<JsonObject> Methods { get; init; }

    /// <summary>Seeds of the networks; empty for those of the experiment.</summary>
    public IReadOnlyList<int> Seeds { get; init; } = [];

    public PruningSweep Tiny() => this with { Batches = 1, Sparsities = [0, 0.5] };
}
