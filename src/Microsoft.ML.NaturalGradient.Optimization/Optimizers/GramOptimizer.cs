using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Base of the methods that weight per-sample gradients by the solution of a Gram system: d = Σ_n w_n g_n.</summary>
internal abstract class GramOptimizer : NaturalGradientOptimizer
{
    private const double LargestWeight = 1e30; // that single precision holds with room

    private protected GramOptimizer(IReadOnlyList<Parameter> parameters, NaturalGradientOptions options)
        : base(parameters, options)
    {
    }

    /// <inheritdoc/>
    internal override bool NeedsPerSampleGradients => true;

    /// <summary>Computes Σ_n w_n g_n, also where gradients are so small that weights are larger than the model's type can hold.</summary>
    /// <param name="rows">g_n.</param>
    /// <param name="weights">w, [N].</param>
    private protected static ParameterVector Combine(IPerSampleGradients rows, Tensor weights)
    {
        var largest = weights.abs().max().item<double>();
        if (!(largest > LargestWeight))
        {
            return rows.Combine(weights);
        }

        var root = Math.Sqrt(largest);
        return rows.Combine(weights.Times(1 / largest)).Map((_, sum) => sum.Times(root).Times(root));
    }

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
