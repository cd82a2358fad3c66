using Microsoft.ML.NaturalGradient.Numerics;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Lets a natural-gradient method measure its own step length: η = ρ (d·g)/(dᵀFd), with F the exact Fisher matrix of the batch.</summary>
/// <remarks>
/// That is ρ times the minimum of the quadratic model of the loss along the direction d, the rule of AdamQLR (Clarke and Hernández-Lobato,
/// "Studying K-FAC Heuristics by Viewing Adam through a Second-Order Lens", ICML 2024) for another direction. It costs two forward passes
/// whenever it measures. The learning rate, 1 unless set, and the schedule multiply the result.
/// </remarks>
public sealed record AutomaticStep
{
    /// <summary>Steps between two measurements.</summary>
    /// <value>At least 1. The default is 4.</value>
    public int Every { get; init; } = 4;

    /// <summary>Factor ρ on the best step of the quadratic model, which knows the batch only.</summary>
    /// <value>Greater than 0, at most 2. The default is 0.5.</value>
    public double Factor { get; init; } = 0.5;

    /// <summary>Weight of the earlier value when a new one is measured.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.7.</value>
    public double Smoothing { get; init; } = 0.7;

    /// <summary>Largest η.</summary>
    /// <value>Greater than 0. The default is 8.</value>
    public double Cap { get; init; } = 8;

    internal void Validate()
    {
        Check(Every >= 1, nameof(Every), Every, "Use at least 1.");
        Check(Factor is > 0 and <= 2, nameof(Factor), Factor, "Use a positive number up to 2.");
        Check(Smoothing is >= 0 and < 1, nameof(Smoothing), Smoothing, "Use a number from 0 up to, but not including, 1.");
        Check(SingleRange.IsPositive(Cap), nameof(Cap), Cap, "Use a positive number.");
    }

    private static void Check(bool legal, string name, double value, string advice) =>
        SingleRange.Require(legal, name, value, advice, "AutomaticStep.");
}
