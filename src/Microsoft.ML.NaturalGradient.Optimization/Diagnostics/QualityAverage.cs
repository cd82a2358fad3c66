namespace Microsoft.ML.NaturalGradient;

/// <summary>How good one method's update direction is on the average over batches.</summary>
public sealed record QualityAverage
{
    /// <summary>Name of the method.</summary>
    public required string Method { get; init; }

    /// <summary>Damping of the method as it was set; <see langword="null"/> where it has none.</summary>
    public required double? Damping { get; init; }

    /// <summary>The method with all its settings, as in <see cref="DirectionQuality.Optimizer"/>.</summary>
    public OptimizerOptions? Optimizer { get; init; }

    /// <summary>Mean γ over the batches where it is defined; NaN where it never is.</summary>
    public required double Gamma { get; init; }

    /// <summary>Mean γ ÷ mean γ of the plain gradient on the same batches.</summary>
    public required double RatioToSgd { get; init; }

    /// <summary>Batches where γ is defined.</summary>
    public required int BatchCount { get; init; }
}
