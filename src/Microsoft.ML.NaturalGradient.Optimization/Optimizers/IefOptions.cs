using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Improved empirical Fisher (iEF) natural gradient: the recommended optimizer.</summary>
/// <remarks>
/// Wu et al., "An Improved Empirical Fisher Approximation for Natural Gradient Descent", NeurIPS 2024, eq. (8). Losses are summed over
/// the batch, so the learning rate is a step in logit space that does not depend on the batch size. The paper's mean-loss
/// learning rates are this one times the number of label tokens in the batch (50 at batch 64 is 0.78).
/// </remarks>
public sealed record IefOptions : EmpiricalFisherOptions
{
    private const double MostDefaultRate = 4;
    private const double MostClassesOfMostRate = 48;
    private const double DefaultWarmup = 0.25; // measured: docs/fidelity.md

    /// <summary>Creates the default settings: a warm-up of a quarter of the steps, linear decay, relative damping 0.1, and a learning rate that depends on the number of classes C.</summary>
    /// <remarks>It is C/2, but at least 1 and at most 4; for more than 48 classes at most 4 · (48/C)^¼: 3.6 for 77, 3 for 150, 1.9 for 1,000.</remarks>
    public IefOptions()
    {
        Damping = 0.1;
        Schedule = LearningRateSchedule.Linear with { WarmupFraction = DefaultWarmup };
    }

    /// <summary>Whether to solve the paper's equation (8) as written: raw Gram matrix, <see cref="NaturalGradientOptions.Damping"/> absolute.</summary>
    /// <value>The default is <see langword="false"/>: normalised rows, damping relative to the mean diagonal.</value>
    public bool LiteralEq8 { get; init; }

    /// <inheritdoc/>
    internal override bool IsDamped => !LiteralEq8 && base.IsDamped;

    /// <summary>Most that a step asks a row to lose, κ, as a multiple of the row's own loss: min(η s_n, κ ℓ_n).</summary>
    /// <remarks>
    /// It keeps steps with far too large learning rates from ruining a run, and costs a little speed where many classes are told apart easily. A trainer
    /// that takes a run back sets it to 1 for the rest of the run.
    /// </remarks>
    /// <value>Greater than zero. The default is positive infinity: none.</value>
    public double TargetLimit { get; init; } = double.PositiveInfinity;

    /// <summary>How far the mean diagonal that the damping is relative to may fall below the largest of the steps before, as a fraction of it.</summary>
    /// <remarks>With 0, damping vanishes with the gradients of a batch. Without effect with <see cref="LiteralEq8"/>, whose damping is absolute.</remarks>
    /// <value>From 0 to 1. The default is 1: the damping never falls during a run.</value>
    public double DampingFloor { get; init; } = 1;

    internal override string Name => "iEF";

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) =>
        new ImprovedEmpiricalFisher(parameters, this);

    internal override void Validate()
    {
        base.Validate();
        Check(TargetLimit > 0, nameof(TargetLimit), TargetLimit, "Use a positive number, for example 1, or positive infinity for no limit.");
        Check(DampingFloor is >= 0 and <= 1, nameof(DampingFloor), DampingFloor, "Use a number from 0 to 1.");
    }

    private protected override double FixedLearningRate(int classCount) =>
        Math.Max(1, Math.Min(classCount / 2.0, MostDefaultRate * Math.Pow(Math.Min(1, MostClassesOfMostRate / classCount), 0.25)));
}
