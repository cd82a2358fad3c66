using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>RMSProp without the square root: a diagonal second-order method on the mean loss of the batch.</summary>
/// <remarks>
/// Lin et al., "Can We Remove the Square-Root in Adaptive Gradient Methods? A Second-Order Perspective", ICML 2024. The step shrinks where
/// the loss grows: scaling the loss by c scales it by 1/c. The paper searched learning rates of 5E-5 to 5E-4, ε of 5E-5 to 1E-3 and 1 − α
/// of 5E-3 to 0.1 for transformers; the default rate 0.1 is for LoRA (docs/replication.md), which hardly moves at theirs.
/// </remarks>
public sealed record RootFreeRmsPropOptions : MeanGradientOptions
{
    /// <summary>Decay α of the mean of squared gradients.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.99.</value>
    public double Alpha { get; init; } = 0.99;

    /// <summary>Added to the denominator.</summary>
    /// <value>Zero or greater. The default is 1E-4.</value>
    public double Epsilon { get; init; } = 1e-4;

    /// <summary>Heavy-ball momentum μ.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.9.</value>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Weight decay κ, added to the preconditioned gradient as κθ.</summary>
    /// <value>Zero or greater. The default is 0.</value>
    public double WeightDecay { get; init; }

    internal override string Name => "root-free RMSProp";

    internal override void Validate()
    {
        base.Validate();
        CheckDecayRate(Alpha, nameof(Alpha));
        CheckNotNegative(Epsilon, nameof(Epsilon));
        CheckDecayRate(Momentum, nameof(Momentum));
        CheckNotNegative(WeightDecay, nameof(WeightDecay));
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new RootFreeRmsProp(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => 0.1;
}
