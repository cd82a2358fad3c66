namespace Microsoft.ML.NaturalGradient;

/// <summary>What one step of a <see cref="ParameterOptimizer"/> saw and did.</summary>
public sealed record StepReport
{
    internal StepReport()
    {
    }

    /// <summary>Mean loss of the batch before the step.</summary>
    public required double Loss { get; init; }

    /// <summary>Samples of the batch whose largest logit was at the label, before the step; <see langword="null"/> for regression.</summary>
    public required long? Correct { get; init; }

    /// <summary>Samples of the batch.</summary>
    public required long SampleCount { get; init; }

    /// <summary>Learning rate of the step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Smallest norm of a sample's own gradient; <see langword="null"/> where the method does not compute it.</summary>
    public double? SmallestGradientNorm { get; init; }

    /// <summary>Largest norm of a sample's own gradient; <see langword="null"/> where the method does not compute it.</summary>
    public double? LargestGradientNorm { get; init; }

    /// <summary>Estimated condition number of the damped Gram matrix; <see langword="null"/> where the method has none.</summary>
    public double? Condition { get; init; }

    /// <summary>Samples without a usable gradient.</summary>
    public int DeadRows { get; init; }

    /// <summary>How often the damping had to be multiplied by ten.</summary>
    public int DampingRaised { get; init; }
}
