using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>AdaFisher and AdaFisherW: momentum, divided by a diagonal Fisher matrix that is the outer product of two vectors for each layer.</summary>
/// <remarks>
/// Gomes et al., "AdaFisher: Adaptive Second Order Optimization via Fisher Information", ICLR 2025. <see cref="AdaFisherVariant.Ema"/> is our
/// reading of what the method intends, not a published setting. <see cref="AdaFisherVariant.Reference"/> gives the numbers of the released
/// code: there F stays within [λ, λ + 8E-5] after a few updates, so with its λ of 1E-3 the method is momentum SGD with learning rate η/λ. The
/// code also stops updating the last layers where a model has parameters outside of layers; that is not reproduced. Normalisations over the
/// batch are not supported. Ema's default learning rate 0.1 and damping are ours: the rate was best of those tried for a sentence encoder with
/// LoRA (docs/replication.md), the damping for a small network with tanh.
/// </remarks>
public sealed record AdaFisherOptions : OptimizerOptions
{
    /// <summary>Which form runs.</summary>
    /// <value>The default is <see cref="AdaFisherVariant.Ema"/>.</value>
    public AdaFisherVariant Variant { get; init; }

    /// <summary>Whether weight decay acts on the weights (AdaFisherW) and not through the gradient (AdaFisher).</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool DecoupledWeightDecay { get; init; }

    /// <summary>Weight decay κ; the decoupled form multiplies it by the learning rate.</summary>
    /// <value>Zero or greater. The default is 0.</value>
    public double WeightDecay { get; init; }

    /// <summary>Decay β of the mean of gradients.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.9.</value>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Damping λ added to the normalised Fisher matrix, whose largest entry is 1 in each layer (with Reference: about 8E-5).</summary>
    /// <value>Greater than zero. <see langword="null"/> (the default) takes 0.1 for Ema and 1E-3 for Reference.</value>
    public double? Damping { get; init; }

    /// <summary>Decay of the running averages: γ₁ of Ema; a tenth and a hundredth of γ are the two coefficients of Reference.</summary>
    /// <value>Greater than 0 and less than 1. <see langword="null"/> (the default) takes 0.92 for Ema and 0.8 for Reference.</value>
    public double? FactorDecay { get; init; }

    /// <summary>Steps from one update of the Fisher matrix to the next; between them a step costs no more than one of SGD.</summary>
    /// <value>At least 1. <see langword="null"/> (the default) takes 10 for Ema and 100 for Reference.</value>
    public int? FactorInterval { get; init; }

    internal override string Name => DecoupledWeightDecay ? "AdaFisherW" : "AdaFisher";

    internal bool IsReference => Variant == AdaFisherVariant.Reference;

    internal double ResolvedDamping => Damping ?? (IsReference ? 1e-3 : 0.1);

    internal double ResolvedFactorDecay => FactorDecay ?? (IsReference ? 0.8 : 0.92);

    internal int ResolvedFactorInterval => FactorInterval ?? (IsReference ? 100 : 10);

    internal override void Validate()
    {
        base.Validate();
        Check(Enum.IsDefined(Variant), nameof(Variant), (double)Variant, "Use a member of AdaFisherVariant.");
        Check(Momentum is >= 0 and < 1, nameof(Momentum), Momentum, "Use a number from 0 up to, but not including, 1.");
        Check(SingleRange.IsNotNegative(WeightDecay), nameof(WeightDecay), WeightDecay, "Use zero or a positive number.");
        Check(SingleRange.IsPositive(ResolvedDamping), nameof(Damping), ResolvedDamping, "Use a positive number, for example 0.1.");
        Check(ResolvedFactorDecay is > 0 and < 1, nameof(FactorDecay), ResolvedFactorDecay, "Use a number between 0 and 1.");
        Check(ResolvedFactorInterval >= 1, nameof(FactorInterval), ResolvedFactorInterval, "Use 1 or more steps.");
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new AdaFisher(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => IsReference ? 1e-3 : 0.1;
}
