namespace Microsoft.ML.NaturalGradient;

/// <summary>How good one method's update direction d is on one batch.</summary>
public sealed record DirectionQuality
{
    /// <summary>Name of the method.</summary>
    public required string Method { get; init; }

    /// <summary>Damping of the method as it was set; <see langword="null"/> where it has none.</summary>
    public required double? Damping { get; init; }

    /// <summary>The method with all its settings; <see langword="null"/> in a report that was not measured by this library.</summary>
    public OptimizerOptions? Optimizer { get; init; }

    /// <summary>γ(d) = √(dᵀFd) / |d·g| with the exact Fisher matrix F and gradient g of the summed loss; smaller is better; NaN where it is not defined.</summary>
    public required double Gamma { get; init; }

    /// <summary>γ(d) ÷ γ of the plain gradient; below 1 the method is better than SGD here.</summary>
    public required double RatioToSgd { get; init; }

    /// <summary>‖d‖.</summary>
    public required double Norm { get; init; }

    /// <summary>κ_n = d·g_n / ‖g_n‖ for each sample: how far d moves along the sample's own gradient g_n; 0 where that is zero.</summary>
    /// <remarks>Wu et al., NeurIPS 2024, eq. (6), there with the sign and the length of the step. For undamped EF it is 1/‖g_n‖.</remarks>
    public required IReadOnlyList<double> Projections { get; init; }
}
