namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>What the steps of an epoch add up to.</summary>
internal sealed record EpochSums
{
    /// <summary>Sum of the losses of all rows.</summary>
    public double Loss { get; init; }

    /// <summary>Rows predicted right; null where labels are no classes.</summary>
    public long? Correct { get; init; } = 0;

    /// <summary>Rows.</summary>
    public long Rows { get; init; }

    /// <summary>Largest condition number of a solve; null for none.</summary>
    public double? Condition { get; init; }

    /// <summary>Rows that took no part in a solve.</summary>
    public int DeadRows { get; init; }

    /// <summary>How often damping was raised.</summary>
    public int DampingRaised { get; init; }

    /// <summary>Learning rate of the last step.</summary>
    public double LearningRate { get; init; }

    /// <summary>Largest divided by smallest per-sample gradient norm of the last step; null where there are none.</summary>
    public double? GradientNormSpread { get; init; }
}
