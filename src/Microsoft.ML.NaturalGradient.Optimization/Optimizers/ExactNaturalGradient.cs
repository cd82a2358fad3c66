using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Exact natural gradient in sample space.</summary>
/// <remarks>
/// With H_n = S_n S_nᵀ and ∂ℓ_n/∂z_n = S_n c_n, the rows B_n = S_nᵀ Jz_n (K for each sample) give F = BᵀB and g = Bᵀc, so that
/// d = (F + λI)⁻¹ g = Bᵀ(BBᵀ + λI)⁻¹ c by the push-through identity; λ is relative to the mean diagonal of BBᵀ, and d = g where it would be below 1E-30. For softmax
/// S = diag(√p) − p√pᵀ and c = (p − onehot)/√p. Own derivation of the natural gradient of Amari, Neural Computation 10, 1998. K backward
/// passes, O(K²N²P + K³N³), and the output gradients of all K passes at a time.
/// </remarks>
internal sealed class ExactNaturalGradient(IReadOnlyList<Parameter> parameters, NgOptions options) : GramOptimizer(parameters, options)
{
    private const long MostRows = 8192; // a Gram matrix of half a gigabyte

    private protected override (ParameterVector Direction, StepDiagnostics Diagnostics) Compute(BatchEvaluation batch, double? learningRate)
    {
        CheckSize(batch);
        using var factor = batch.FactorHessian();
        var captures = new IPerSampleGradients[factor.Columns.shape[0]];
        try
        {
            for (var k = 0; k < captures.Length; k++)
            {
                captures[k] = batch.PerSample(factor.Columns[k], keepGraph: k + 1 < captures.Length);
            }

            CheckCoverage(captures[0]);
            var gram = IPerSampleGradients.JointGram(captures, options.IsDamped); // [K·N, K·N]
            using var solution = GramSolver.Solve(
                gram, factor.Coefficients.flatten(), options.Damping, zeroTargetsCount: true, rowWeights: batch.Weights.Values.repeat(captures.Length));
            var diagnostics = new StepDiagnostics { Condition = solution.Condition, DampingRaised = solution.DampingRaised };
            var isFlat = options.Damping > 0 && solution.Damping < SingleRange.SmallestDamping; // all predictions are certain: d = g
            return (Combine(captures, isFlat ? factor.Coefficients.flatten() : solution.Weights), diagnostics);
        }
        finally
        {
            Array.ForEach(captures, capture => capture?.Dispose());
        }
    }

    private static ParameterVector Combine(IPerSampleGradients[] captures, Tensor weights)
    {
        ParameterVector? sum = null;
        foreach (var (capture, part) in captures.Zip(weights.chunk(captures.Length)))
        {
            var term = capture.Combine(part);
            sum = sum?.Map((parameter, earlier) => earlier.Plus(term[parameter])) ?? term;
        }

        return sum!;
    }

    private static void CheckSize(BatchEvaluation batch)
    {
        if (batch.Logits.numel() > MostRows)
        {
            throw new InvalidOperationException(
                $"Exact NG in sample space would need {batch.Logits.numel()} rows (samples × classes), more than {MostRows}. " +
                "Use HessianFree, or a smaller batch.");
        }
    }
}
