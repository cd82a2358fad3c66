namespace ReplicationSample;

/// <summary>What is known after an epoch.</summary>
internal sealed record EpochResult
{
    public required int Epoch { get; init; }

    public required double TrainingLoss { get; init; }

    public required double? TrainingAccuracy { get; init; }

    public required double? ValidationLoss { get; init; }

    public required double? ValidationAccuracy { get; init; }

    /// <summary>Learning rate of the last step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Training loss of each batch before its step.</summary>
    public IReadOnlyList<double> BatchLosses { get; init; } = [];

    /// <summary>Mean over batches of the largest divided by the smallest per-sample gradient norm; null without measurement.</summary>
    public double? GradientNormSpread { get; init; }

    /// <summary>Measured directions.</summary>
    public IReadOnlyList<DirectionResult> Directions { get; init; } = [];
}
