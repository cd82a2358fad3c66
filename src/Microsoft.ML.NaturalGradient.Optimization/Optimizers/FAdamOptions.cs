using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>FAdam: Adam as a natural gradient with a diagonal empirical Fisher, on the mean loss of the batch.</summary>
/// <remarks>
/// Hwang, "FAdam: Adam is a natural gradient optimizer using diagonal empirical Fisher information", 2024, with the defaults of the
/// authors' code. Unlike AdamW it does not correct the bias of the mean, so the first steps are ten times smaller, and the weight decay is
/// preconditioned: a parameter without gradient decays by up to the learning rate times κ per weight, whatever its scale.
/// </remarks>
public sealed record FAdamOptions : MeanGradientOptions
{
    /// <summary>Creates the default settings: learning rate 3E-3, weight decay 0.1, 6 % warm-up, linear decay.</summary>
    public FAdamOptions()
    {
        Schedule = LearningRateSchedule.Linear with { WarmupFraction = 0.06 };
    }

    /// <summary>Decay β₁ of the mean of natural gradients.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.9.</value>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay β₂ of the diagonal Fisher.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.999.</value>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Root mean square that natural gradients and weight decay of a parameter are scaled down to.</summary>
    /// <remarks>The authors' code divides by max(1, RMS)/c, so that a value other than 1 also scales what is short; the paper has max(1, RMS/c).</remarks>
    /// <value>Greater than zero. The default is 1.</value>
    public double ClipThreshold { get; init; } = 1;

    /// <summary>Exponent p of the diagonal Fisher in the preconditioner.</summary>
    /// <value>Greater than zero. The default is 0.5.</value>
    public double FisherExponent { get; init; } = 0.5;

    /// <summary>The number ε added to the preconditioner's denominator.</summary>
    /// <value>Greater than zero. The default is 1E-8.</value>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>How ε follows the gradient.</summary>
    /// <value>The default is <see cref="EpsilonMode.MaxRms"/>.</value>
    public EpsilonMode EpsilonMode { get; init; }

    /// <summary>Preconditioned weight decay κ, multiplied by the learning rate.</summary>
    /// <value>Zero or greater. The default is 0.1; the paper uses 1E-3.</value>
    public double WeightDecay { get; init; } = 0.1;

    internal override string Name => "FAdam";

    internal override void Validate()
    {
        base.Validate();
        CheckDecayRate(Beta1, nameof(Beta1));
        CheckDecayRate(Beta2, nameof(Beta2));
        CheckPositive(ClipThreshold, nameof(ClipThreshold));
        CheckPositive(FisherExponent, nameof(FisherExponent));
        CheckPositive(Epsilon, nameof(Epsilon));
        Check(Enum.IsDefined(EpsilonMode), nameof(EpsilonMode), (int)EpsilonMode, "Use a named value.");
        CheckNotNegative(WeightDecay, nameof(WeightDecay));
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new FAdam(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => 3e-3;
}
