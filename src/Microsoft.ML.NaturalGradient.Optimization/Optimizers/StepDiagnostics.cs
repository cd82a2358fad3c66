namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>What one optimizer step noticed; fields that a method does not compute are <see langword="null"/>.</summary>
internal sealed record StepDiagnostics
{
    /// <summary>Nothing to report.</summary>
    public static StepDiagnostics None { get; } = new();

    /// <summary>The learning rate that was used, where the method has a say in it.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Smallest per-sample gradient norm of the batch.</summary>
    public double? SmallestGradientNorm { get; init; }

    /// <summary>Largest per-sample gradient norm of the batch.</summary>
    public double? LargestGradientNorm { get; init; }

    /// <summary>Estimated condition number of the damped Gram matrix.</summary>
    public double? Condition { get; init; }

    /// <summary>Rows without a usable gradient.</summary>
    public int DeadRows { get; init; }

    /// <summary>How often the damping was multiplied by ten.</summary>
    public int DampingRaised { get; init; }
}
