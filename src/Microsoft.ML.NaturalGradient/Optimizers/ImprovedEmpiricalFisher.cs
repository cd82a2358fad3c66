using Microsoft.ML.NaturalGradient.Curvature;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Improved empirical Fisher (iEF): to first order each sample's loss falls as if its own logits took one gradient-descent step.</summary>
/// <remarks>
/// Wu et al., "An Improved Empirical Fisher Approximation for Natural Gradient Descent", NeurIPS 2024, eq. (8):
/// d = Jᵀ(JJᵀ + λI)⁻¹ s. Solved here in normalised coordinates: rows ĝ_n = g_n/√s_n, d = Ĵᵀ(ĴĴᵀ + λI)⁻¹ √s. Both agree at λ = 0;
/// with damping the normalised form is exactly (F* + λI)⁻¹ Σg with F* = Σ g_n g_nᵀ / s_n, while eq. (8) over-damps converged samples.
/// LiteralEq8 keeps the paper's form with absolute λ. Cost O(N²P + N³).
/// </remarks>
internal sealed class ImprovedEmpiricalFisher(IReadOnlyList<Parameter> parameters, IefOptions options)
    : EmpiricalFisherOptimizer(parameters, options)
{
    private const double SmallestSquaredNorm = 1e-30;

    private protected override (Dictionary<IntPtr, Tensor> Direction, StepDiagnostics Diagnostics) Compute(BatchEvaluation batch, bool withState)
    {
        var squaredNorms = batch.SquaredNorms; // s, [N]
        var alive = squaredNorms.gt(Floor(squaredNorms)).to(ScalarType.Float64); // [N]
        var roots = squaredNorms.sqrt().mul(alive); // √s, zero for dead rows
        var scale = options.LiteralEq8 ? ones_like(roots) : roots.where(alive.to(ScalarType.Bool), ones_like(roots)).reciprocal();
        var seeds = batch.LogitGradients.mul(PerSample(scale, batch.LogitGradients)); // u, [N, ...]
        using var captured = batch.Capture(seeds);
        var gram = captured.Gram(); // [N, N]
        return options.LiteralEq8
            ? Solve(
                captured, gram, squaredNorms, gram.diagonal(),
                (matrix, target) => GramSolver.SolveLiteral(matrix, target, options.Damping), withState)
            : Solve(
                captured, gram, roots, gram.diagonal().mul(squaredNorms),
                (matrix, target) => GramSolver.Solve(matrix, target, options.Damping), withState);
    }

    private static Tensor Floor(Tensor like) => full_like(like, SmallestSquaredNorm);

    private static Tensor PerSample(Tensor values, Tensor like)
    {
        var shape = new long[like.dim()];
        Array.Fill(shape, 1);
        shape[0] = values.shape[0];
        return values.view(shape);
    }
}
