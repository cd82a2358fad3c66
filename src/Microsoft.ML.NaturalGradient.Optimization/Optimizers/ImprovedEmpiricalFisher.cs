using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Improved empirical Fisher (iEF): to first order each sample's loss falls as if its own logits took one gradient-descent step.</summary>
/// <remarks>
/// Wu et al., "An Improved Empirical Fisher Approximation for Natural Gradient Descent", NeurIPS 2024, eq. (8):
/// d = Jᵀ(JJᵀ + λI)⁻¹ s. Solved here in normalised coordinates: rows ĝ_n = g_n/√s_n, d = Ĵᵀ(ĴĴᵀ + λI)⁻¹ √s. Both agree at λ = 0;
/// with damping the normalised form is exactly (F* + λI)⁻¹ Σg with F* = Σ g_n g_nᵀ / s_n, while eq. (8) over-damps converged samples.
/// LiteralEq8 keeps the paper's form with absolute λ. Cost O(N²P + N³). Two guards are not the paper's: λ is relative to the largest mean
/// diagonal of the steps so far, since that of the batch alone vanishes with the gradients when predictions collapse; and with a limit κ the
/// target s_n becomes min(s_n, κ ℓ_n/η), so that no row is asked to lose more than κ times its loss.
/// </remarks>
internal sealed class ImprovedEmpiricalFisher : EmpiricalFisherOptimizer
{
    private const double SmallestSquaredNorm = 1e-30;

    private readonly IefOptions _options;
    private double _targetLimit; // κ
    private double _largestScale; // of the mean diagonals of the steps so far

    /// <summary>Creates the method.</summary>
    public ImprovedEmpiricalFisher(IReadOnlyList<Parameter> parameters, IefOptions options)
        : base(parameters, options)
    {
        (_options, _targetLimit) = (options, options.TargetLimit);
        Track("scale.largest", () => _largestScale, value => _largestScale = value);
    }

    /// <inheritdoc/>
    internal override void LimitTargets() => _targetLimit = Math.Min(_targetLimit, 1);

    private protected override (ParameterVector Direction, StepDiagnostics Diagnostics) Compute(BatchEvaluation batch, double? learningRate)
    {
        var squaredNorms = batch.SquaredNorms; // s, [N]
        var alive = squaredNorms.gt(Floor(squaredNorms)); // [N]
        var roots = squaredNorms.sqrt().mul(alive); // √s, zero for dead rows
        var scale = _options.LiteralEq8 ? ones_like(roots) : roots.where(alive, ones_like(roots)).reciprocal();
        var limits = learningRate is { } rate && double.IsFinite(_targetLimit) // min(η s, κ ℓ)/(η s), [N]
            ? batch.Losses.Times(_targetLimit / rate).div(squaredNorms.where(alive, ones_like(roots))).minimum(ones_like(roots))
            : ones_like(roots);
        var weights = batch.Weights;
        var seeds = weights.TimesRoots(batch.LogitGradients.mul(PerSample(scale, batch.LogitGradients))); // √c u, [N, ...]
        using var captured = batch.PerSample(seeds);
        var gram = captured.Gram(_options.IsDamped); // [N, N]
        return _options.LiteralEq8
            ? Solve(
                captured, gram, weights.TimesRoots(squaredNorms.mul(limits)), gram.diagonal().div(weights.Values), weights.Values,
                (matrix, target, _) => GramSolver.SolveLiteral(matrix, target, _options.Damping), learningRate is not null)
            : Solve(
                captured, gram, weights.TimesRoots(roots.mul(limits)), gram.diagonal().mul(squaredNorms).div(weights.Values), weights.Values,
                (matrix, target, counts) => SolveRelative(matrix, target, counts, learningRate is not null), learningRate is not null);
    }

    private GramSolution SolveRelative(Tensor matrix, Tensor target, Tensor rowWeights, bool withState)
    {
        var leastScale = withState ? _options.DampingFloor * _largestScale : 0;
        var solution = GramSolver.Solve(matrix, target, _options.Damping, leastScale: leastScale, rowWeights: rowWeights);
        if (withState)
        {
            _largestScale = Math.Max(_largestScale, solution.Scale);
        }

        return solution;
    }

    private static Tensor Floor(Tensor like) => like.FilledWith(SmallestSquaredNorm);

    private static Tensor PerSample(Tensor values, Tensor like)
    {
        var shape = new long[like.dim()];
        Array.Fill(shape, 1);
        shape[0] = values.shape[0];
        return values.view(shape);
    }
}
