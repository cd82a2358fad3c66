using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adam with decoupled weight decay, on the mean loss of the batch: the usual baseline.</summary>
/// <remarks>Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.</remarks>
public sealed record AdamWOptions : MeanGradientOptions
{
    /// <summary>Creates the default settings: learning rate 1E-3, 6 % warm-up, linear decay, no weight decay.</summary>
    public AdamWOptions()
    {
        Schedule = LearningRateSchedule.Linear with { WarmupFraction = 0.06 };
    }

    /// <summary>Decay β₁ of the mean of gradients.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.9.</value>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay β₂ of the mean of squared gradients.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.999.</value>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator.</summary>
    /// <value>Greater than zero. The default is 1E-8.</value>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay κ, multiplied by the learning rate.</summary>
    /// <value>Zero or greater. The default is 0.</value>
    public double WeightDecay { get; init; }

    internal override string Name => "AdamW";

    internal override void Validate()
    {
        base.Validate();
        CheckDecayRate(Beta1, nameof(Beta1));
        CheckDecayRate(Beta2, nameof(Beta2));
        CheckPositive(Epsilon, nameof(Epsilon));
        CheckNotNegative(WeightDecay, nameof(WeightDecay));
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) =>
        new Optimization.AdamW(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => 1e-3;
}
