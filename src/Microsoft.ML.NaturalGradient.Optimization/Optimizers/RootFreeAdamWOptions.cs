using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>AdamW without the square root: a diagonal second-order method on the mean loss of the batch.</summary>
/// <remarks>
/// Lin et al., "Can We Remove the Square-Root in Adaptive Gradient Methods? A Second-Order Perspective", ICML 2024. The step shrinks where
/// the loss grows: scaling the loss by c scales it by 1/c. The default rate 0.5 is for LoRA (docs/replication.md); the paper's, for whole networks, are far smaller.
/// </remarks>
public sealed record RootFreeAdamWOptions : MeanGradientOptions
{
    /// <summary>Decay β₁ of the mean of gradients.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.9.</value>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay β₂ of the mean of squared gradients.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.99.</value>
    public double Beta2 { get; init; } = 0.99;

    /// <summary>Added to the denominator.</summary>
    /// <value>Zero or greater. The default is 1E-4.</value>
    public double Epsilon { get; init; } = 1e-4;

    /// <summary>Whether both means are divided by 1 − βᵗ, as Adam does.</summary>
    /// <value>The default is <see langword="false"/>.</value>
    public bool BiasCorrection { get; init; }

    /// <summary>Decoupled weight decay κ, multiplied by the learning rate.</summary>
    /// <value>Zero or greater. The default is 0.</value>
    public double WeightDecay { get; init; }

    internal override string Name => "root-free AdamW";

    internal override void Validate()
    {
        base.Validate();
        CheckDecayRate(Beta1, nameof(Beta1));
        CheckDecayRate(Beta2, nameof(Beta2));
        CheckNotNegative(Epsilon, nameof(Epsilon));
        CheckNotNegative(WeightDecay, nameof(WeightDecay));
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new RootFreeAdamW(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => 0.5;
}
