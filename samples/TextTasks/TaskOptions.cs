using Microsoft.ML.NaturalGradient;

namespace TextTasksSample;

/// <summary>What the command line asks for.</summary>
internal sealed record TaskOptions
{
    public required TaskKind Task { get; init; }

    /// <summary>The user's own file; null for the shipped data.</summary>
    public string? DataPath { get; init; }

    /// <summary>Encoding of that file; null to find it.</summary>
    public string? Encoding { get; init; }

    /// <summary>Most training rows.</summary>
    public required int TrainingRows { get; init; }

    /// <summary>Most test rows.</summary>
    public required int TestRows { get; init; }

    public required int Epochs { get; init; }

    public required OptimizerOptions Optimizer { get; init; }

    public required int Seed { get; init; }

    /// <summary>Whether the run only shows that everything works.</summary>
    public required bool Quick { get; init; }

    public required string OutputFolder { get; init; }
}
