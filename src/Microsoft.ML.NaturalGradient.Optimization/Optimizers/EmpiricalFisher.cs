using Microsoft.ML.NaturalGradient.Curvature;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Natural gradient with the exact, damped empirical Fisher of the batch.</summary>
/// <remarks>
/// d = Jᵀ(JJᵀ + λI)⁻¹ 1 = (JᵀJ + λI)⁻¹ Σ_n g_n (Woodbury). Wu et al., NeurIPS 2024, eq. (4) and (5). Without damping every sample's
/// loss falls by the same amount, whatever its gradient, so nearly converged samples dominate: the "inversely-scaled projection
/// issue" that iEF repairs. Cost O(N²P + N³).
/// </remarks>
internal sealed class EmpiricalFisher(IReadOnlyList<Parameter> parameters, EfOptions options)
    : EmpiricalFisherOptimizer(parameters, options)
{
    private protected override (ParameterVector Direction, StepDiagnostics Diagnostics) Compute(BatchEvaluation batch, double? learningRate)
    {
        var weights = batch.Weights;
        using var captured = batch.PerSample(weights.TimesRoots(batch.LogitGradients)); // √c g
        var gram = captured.Gram(options.IsDamped); // [N, N]
        return Solve(
            captured, gram, weights.Roots, gram.diagonal().div(weights.Values), weights.Values,
            (matrix, target, counts) => options.AbsoluteDamping
                ? GramSolver.SolveLiteral(matrix, target, options.Damping)
                : GramSolver.Solve(matrix, target, options.Damping, rowWeights: counts),
            learningRate is not null);
    }
}
