using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Base of the methods that weight per-sample gradients by the solution of a Gram system: d = Σ_n w_n g_n.</summary>
internal abstract class GramOptimizer : NaturalGradientOptimizer
{
    private protected GramOptimizer(IReadOnlyList<Parameter> parameters, GramOptimizerOptions options)
        : base(parameters, options)
    {
    }

    /// <inheritdoc/>
    public override bool NeedsPerSampleGradients => true;

    /// <summary>Throws when a trainable parameter left no record, which would silently never be trained.</summary>
    private protected void CheckCoverage(CapturedGradients captured)
    {
        var recorded = captured.Parameters.Select(parameter => parameter.Handle).ToHashSet();
        var missing = Parameters.Count(parameter => !recorded.Contains(parameter.Handle));
        if (missing > 0)
        {
            throw new InvalidOperationException(
                $"{missing} of {Parameters.Count} trainable parameters left no record of per-sample gradients. " +
                "Train them with an optimizer that needs plain gradients only, such as AdamW, or freeze them.");
        }
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
