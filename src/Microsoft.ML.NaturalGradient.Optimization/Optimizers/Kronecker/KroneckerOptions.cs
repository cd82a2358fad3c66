using Microsoft.ML.NaturalGradient.Numerics;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings that the Kronecker-factored methods share: one block A ⊗ G for weight and bias of each linear map.</summary>
/// <remarks>
/// Norms, embeddings, prompts, class tokens and positions have no such block: theirs is c·I with c the largest eigenvalue of their own
/// block of the same Fisher matrix, which is a gradient step of a safe length. The first step notices which parameters these are.
/// </remarks>
public abstract record KroneckerOptions : OptimizerOptions
{
    private protected KroneckerOptions()
    {
    }

    /// <summary>Damping λ, relative to the mean squared norm of the per-sample gradients as the factors see it, like that of iEF.</summary>
    /// <value>Greater than zero. The default is 0.1.</value>
    public double Damping { get; init; } = 0.1;

    /// <summary>How λ enters a block.</summary>
    /// <value>The default is <see cref="KroneckerDamping.Factored"/>.</value>
    public KroneckerDamping DampingForm { get; init; } = KroneckerDamping.Factored;

    /// <summary>What happens with the positions of a sample.</summary>
    /// <value>The default is <see cref="WeightSharing.Expand"/>.</value>
    public WeightSharing WeightSharing { get; init; } = WeightSharing.Expand;

    /// <summary>Decay ρ of the running averages of the factors, which are corrected for their start at zero.</summary>
    /// <value>From 0 (this batch alone) up to, but not including, 1. The default is 0.95.</value>
    public double FactorDecay { get; init; } = 0.95;

    /// <summary>Steps from one inversion of the factors to the next; the first so many steps invert every time.</summary>
    /// <value>At least 1. The default is 5.</value>
    public int InverseInterval { get; init; } = 5;

    /// <summary>Heavy-ball momentum μ: m ← μm + d, θ ← θ − ηm.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.</value>
    public double Momentum { get; init; }

    internal override void Validate()
    {
        base.Validate();
        Check(SingleRange.IsPositive(Damping), nameof(Damping), Damping, "Use a positive number, for example 0.1.");
        Check(FactorDecay is >= 0 and < 1, nameof(FactorDecay), FactorDecay, "Use a number from 0 up to, but not including, 1.");
        Check(InverseInterval >= 1, nameof(InverseInterval), InverseInterval, "Use 1 or more steps.");
        Check(Momentum is >= 0 and < 1, nameof(Momentum), Momentum, "Use a number from 0 up to, but not including, 1.");
        Check(Enum.IsDefined(DampingForm), nameof(DampingForm), (double)DampingForm, "Use a member of KroneckerDamping.");
        Check(Enum.IsDefined(WeightSharing), nameof(WeightSharing), (double)WeightSharing, "Use a member of WeightSharing.");
    }
}
