using Microsoft.ML.NaturalGradient.Curvature;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Base of the methods that weight per-sample gradients by the solution of a Gram system: d = Σ_n w_n g_n.</summary>
internal abstract class GramOptimizer : NaturalGradientOptimizer
{
    private protected GramOptimizer(IReadOnlyList<Parameter> parameters, NaturalGradientOptions options)
        : base(parameters, options)
    {
    }

    /// <inheritdoc/>
    internal override bool NeedsPerSampleGradients => true;

    /// <summary>The spread of per-sample gradient norms and the health of the solve.</summary>
    /// <param name="squaredNorms">‖g_n‖², [N], float64.</param>
    /// <param name="solution">The solved system.</param>
    private protected static StepDiagnostics Diagnose(Tensor squaredNorms, GramSolution solution) => new()
    {
        SmallestGradientNorm = Math.Sqrt(Math.Max(0, squaredNorms.min().item<double>())),
        LargestGradientNorm = Math.Sqrt(Math.Max(0, squaredNorms.max().item<double>())),
        Condition = solution.Condition,
        DeadRows = solution.DeadRows,
        DampingRaised = solution.DampingRaised,
    };
}
