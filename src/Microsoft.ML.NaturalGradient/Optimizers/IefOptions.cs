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
    /// <summary>Creates the default settings: learning rate max(1, C/2) for C classes, linear decay, relative damping 0.1.</summary>
    public IefOptions()
    {
        Damping = 0.1;
    }

    /// <summary>Whether to solve the paper's equation (8) as written: raw Gram matrix, <see cref="GramOptimizerOptions.Damping"/> absolute.</summary>
    /// <value>The default is <see langword="false"/>: normalised rows, damping relative to the mean diagonal.</value>
    public bool LiteralEq8 { get; init; }

    internal override string Name => "iEF";

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) =>
        new ImprovedEmpiricalFisher(parameters, this);

    private protected override double FixedLearningRate(int classCount) => Math.Max(1, classCount / 2.0);
}
