using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>AdamQLR: Adam's direction with a step length and a damping that adapt themselves to the curvature of each batch.</summary>
/// <remarks>
/// Clarke and Hernández-Lobato, "Studying K-FAC Heuristics by Viewing Adam through a Second-Order Lens", ICML 2024. The learning rate, 1
/// unless set, multiplies the step that the method finds. Each step costs three forward passes more than Adam's.
/// </remarks>
public sealed record AdamQlrOptions : OptimizerOptions
{
    /// <summary>Creates the default settings: constant factor 1, damping from 1E-3, steps up to 0.1.</summary>
    public AdamQlrOptions()
    {
        Schedule = LearningRateSchedule.Constant;
    }

    /// <summary>Decay β₁ of the mean of gradients.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.9.</value>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay β₂ of the mean of squared gradients.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.999.</value>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator of Adam's direction.</summary>
    /// <value>Greater than zero. The default is 1E-8.</value>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Damping λ of the first step, on the scale of the mean loss.</summary>
    /// <value>Greater than zero. The default is 1E-3.</value>
    public double InitialDamping { get; init; } = 1e-3;

    /// <summary>Factor on λ after a step whose gain the quadratic model predicted well (ratio above ¾).</summary>
    /// <value>Greater than 0, at most 1. The default is 0.5.</value>
    public double DampingDecrease { get; init; } = 0.5;

    /// <summary>Factor on λ after a step whose gain the quadratic model predicted badly (ratio below ¼).</summary>
    /// <value>At least 1. The default is 2.</value>
    public double DampingIncrease { get; init; } = 2;

    /// <summary>Largest step length.</summary>
    /// <value>Greater than zero; <see langword="null"/> for no limit, as in the paper, whose batches have 3,200 samples. The default is 0.1.</value>
    public double? LargestStep { get; init; } = 0.1;

    internal override string Name => "AdamQLR";

    internal override void Validate()
    {
        base.Validate();
        Check(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "Use a number from 0 up to, but not including, 1.");
        Check(Beta2 is >= 0 and < 1, nameof(Beta2), Beta2, "Use a number from 0 up to, but not including, 1.");
        Check(SingleRange.IsPositive(Epsilon), nameof(Epsilon), Epsilon, "Use a positive number.");
        Check(SingleRange.IsPositive(InitialDamping), nameof(InitialDamping), InitialDamping, "Use a positive number, for example 1E-3.");
        Check(DampingDecrease is > 0 and <= 1, nameof(DampingDecrease), DampingDecrease, "Use a positive number up to 1.");
        Check(DampingIncrease >= 1 && SingleRange.IsPositive(DampingIncrease), nameof(DampingIncrease), DampingIncrease, "Use 1 or more.");
        Check(LargestStep is null || SingleRange.IsPositive(LargestStep.Value), nameof(LargestStep), LargestStep ?? 0, "Use a positive number, or null for no limit.");
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new AdamQlr(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => 1;
}
