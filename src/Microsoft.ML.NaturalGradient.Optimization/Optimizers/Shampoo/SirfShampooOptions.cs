using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Inverse-free, root-free Shampoo (IF-Shampoo, SIRFShampoo): a Kronecker factor for each axis of each parameter, on the mean loss.</summary>
/// <remarks>
/// Lin et al., "Can We Remove the Square-Root in Adaptive Gradient Methods? A Second-Order Perspective", ICML 2024. The factors
/// approximate the inverse of the empirical Fisher by matrix products alone, without inverse and without root. Left out of the released
/// code: the smaller factor step for parameters with certain names, and the interval that grows during the run. The default rate 0.1 is for
/// LoRA (docs/replication.md).
/// </remarks>
public sealed record SirfShampooOptions : MeanGradientOptions
{
    /// <summary>Step β₂ of the factors.</summary>
    /// <value>Greater than zero, at most 1. The default is 0.01.</value>
    public double FactorStep { get; init; } = 0.01;

    /// <summary>Momentum α₂ of the factors.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.5.</value>
    public double FactorMomentum { get; init; } = 0.5;

    /// <summary>Steps T from one update of the factors to the next.</summary>
    /// <value>1 or greater. The default is 1.</value>
    public int FactorInterval { get; init; } = 1;

    /// <summary>Damping λ in the update of the factors.</summary>
    /// <value>Zero or greater. The default is 1E-3.</value>
    public double Damping { get; init; } = 1e-3;

    /// <summary>Heavy-ball momentum α₁.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.9.</value>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Weight decay κ, added to the preconditioned gradient as κθ.</summary>
    /// <value>Zero or greater. The default is 0.</value>
    public double WeightDecay { get; init; }

    /// <summary>Length of the longest axis that gets a dense factor, of which two matrices of this size are kept.</summary>
    /// <value>1 or greater. The default is 1024.</value>
    public int LargestDenseAxis { get; init; } = 1024;

    /// <summary>What longer axes get, such as the rows of an embedding.</summary>
    /// <value>The default is <see cref="LargeAxisFactor.Diagonal"/>.</value>
    public LargeAxisFactor LargeAxes { get; init; }

    internal override string Name => "SIRFShampoo";

    internal override void Validate()
    {
        base.Validate();
        Check(FactorStep is > 0 and <= 1, nameof(FactorStep), FactorStep, "Use a positive number up to 1, for example 0.01.");
        CheckDecayRate(FactorMomentum, nameof(FactorMomentum));
        Check(FactorInterval >= 1, nameof(FactorInterval), FactorInterval, "Use 1 or a larger number.");
        CheckNotNegative(Damping, nameof(Damping));
        CheckDecayRate(Momentum, nameof(Momentum));
        CheckNotNegative(WeightDecay, nameof(WeightDecay));
        Check(LargestDenseAxis >= 1, nameof(LargestDenseAxis), LargestDenseAxis, "Use 1 or a larger number.");
        Check(Enum.IsDefined(LargeAxes), nameof(LargeAxes), (int)LargeAxes, "Use a named value.");
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new SirfShampoo(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => 0.1;
}
