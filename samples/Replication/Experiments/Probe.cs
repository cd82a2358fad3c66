using System.Text.Json.Nodes;

namespace ReplicationSample;

/// <summary>What is measured at the end of epochs.</summary>
internal sealed record Probe
{
    /// <summary>Training batches of a measurement.</summary>
    public int Batches { get; init; } = 20;

    /// <summary>The methods, each with its settings.</summary>
    public required IReadOnlyList<JsonObject> Methods { get; init; }

    /// <summary>Dampings of every method; empty for each method's own.</summary>
    public IReadOnlyList<double> Dampings { get; init; } = [];

    /// <summary>Epochs that tables and pictures show; empty for all.</summary>
    public IReadOnlyList<int> Epochs { get; init; } = [];

    /// <summary>Seeds of the runs along which is measured; empty for those of the experiment.</summary>
    public IReadOnlyList<int> Seeds { get; init; } = [];

    public Probe Tiny() => this with
    {
        Batches = 1,
        Dampings = Dampings.Count > 3 ? [Dampings[0], Dampings[Dampings.Count / 2], Dampings[^1]] : Dampings,
        Epochs = [],
    };
}
