using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>Solves (C + λI) w = b for the Gram matrix C = G Gᵀ of per-sample gradients.</summary>
/// <remarks>
/// With d = Gᵀw this is the damped natural-gradient direction of the (improved) empirical Fisher, by the push-through identity
/// (GᵀG + λI)⁻¹Gᵀ = Gᵀ(GGᵀ + λI)⁻¹; it costs O(N³) instead of O(P³). Wu et al., NeurIPS 2024, eq. (8) and App. B. All in float64.
/// </remarks>
internal static class GramSolver
{
    private const double DeadRowThreshold = 1e-12;
    private const int MostRaises = 6;
    private const double MachineEpsilon = 1.1102230246251565e-16;

    /// <summary>Solves with damping relative to the mean diagonal of the live rows.</summary>
    /// <param name="gram">Gram matrix C, [N, N]; converted to float64; not modified.</param>
    /// <param name="target">Right-hand side b, [N]; rows with a target of zero are dead.</param>
    /// <param name="relativeDamping">
    /// λ ÷ mean diagonal, zero or greater. At zero the minimum-norm solution is taken: eigenvalues below
    /// <paramref name="tolerance"/> of the largest are dropped.
    /// </param>
    /// <param name="tolerance">Smallest kept eigenvalue relative to the largest; <see langword="null"/> for 8·N·2⁻⁵³.</param>
    /// <param name="zeroTargetsCount">
    /// Whether a row with a target of zero takes part, which then keeps its loss, rather than being dead; with damping short rows take part, too, whose target may be large.
    /// </param>
    /// <param name="leastScale">Smallest mean diagonal that the damping is relative to; zero (the default) for that of the live rows alone.</param>
    /// <param name="rowWeights">
    /// How often each row counts in the mean diagonal, c, [N]; the rows of the matrix and the target are multiplied by √c already. Null for once each.
    /// </param>
    /// <returns>The weights and diagnostics; the caller disposes them.</returns>
    /// <exception cref="InvalidOperationException">The matrix stays indefinite at the largest damping tried.</exception>
    public static GramSolution Solve(
        Tensor gram, Tensor target, double relativeDamping, double? tolerance = null, bool zeroTargetsCount = false, double leastScale = 0,
        Tensor? rowWeights = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var matrix = Symmetric(gram); // [N, N]
        var right = target.to(ScalarType.Float64); // [N]
        var alive = AliveRows(matrix, right, zeroTargetsCount, relativeDamping > 0);
        var weights = zeros_like(right); // [N]
        if (alive.numel() == 0)
        {
            return new GramSolution(weights.MoveToOuterDisposeScope()) { Damping = 0, DeadRows = (int)right.shape[0] };
        }

        var live = matrix.index_select(0, alive).index_select(1, alive); // [L, L]
        var liveTarget = right.index_select(0, alive); // [L]
        var count = rowWeights?.index_select(0, alive).sum().item<double>() ?? live.shape[0];
        var scale = live.diagonal().sum().item<double>() / count;
        var absolute = relativeDamping * Math.Max(scale, leastScale);
        var part = absolute > 0
            ? SolveDamped(live, liveTarget, absolute, relativeDamping)
            : SolveMinimumNorm(live, liveTarget, tolerance ?? (8 * live.shape[0] * MachineEpsilon));
        weights.index_copy_(0, alive, part.Weights);
        return new GramSolution(weights.MoveToOuterDisposeScope())
        {
            Damping = part.Damping,
            Scale = scale,
            DampingRaised = part.DampingRaised,
            DeadRows = (int)(right.shape[0] - live.shape[0]),
            Rank = part.Rank,
            Condition = part.Condition,
        };
    }

    /// <summary>Solves the paper's system as written: absolute damping, every row kept.</summary>
    /// <param name="gram">Gram matrix C, [N, N]; converted to float64; not modified.</param>
    /// <param name="target">Right-hand side b, [N].</param>
    /// <param name="damping">Damping λ added to the diagonal, zero or greater, absolute.</param>
    /// <returns>The weights and diagnostics; the caller disposes them.</returns>
    /// <exception cref="InvalidOperationException">The damped matrix is singular.</exception>
    public static GramSolution SolveLiteral(Tensor gram, Tensor target, double damping)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (factor, info) = linalg.cholesky_ex(Damped(Symmetric(gram), damping)); // [N, N]
        if (info.item<int>() != 0)
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"The Gram matrix is not positive definite at damping {damping:G3}. Increase Damping, take it relative where LiteralEq8 or AbsoluteDamping is set, and check the data for extreme inputs."));
        }

        var weights = cholesky_solve(target.to(ScalarType.Float64).unsqueeze(1), factor).squeeze(1); // [N]
        return new GramSolution(weights.MoveToOuterDisposeScope())
        {
            Damping = damping,
            Rank = (int)factor.shape[0],
            Condition = ConditionOf(factor),
        };
    }

    private static GramSolution SolveDamped(Tensor matrix, Tensor target, double damping, double relativeDamping)
    {
        for (var raised = 0; raised <= MostRaises; raised++, damping *= 10)
        {
            var (factor, info) = linalg.cholesky_ex(Damped(matrix, damping)); // [L, L]
            if (info.item<int>() == 0)
            {
                return new GramSolution(cholesky_solve(target.unsqueeze(1), factor).squeeze(1))
                {
                    Damping = damping,
                    DampingRaised = raised,
                    Rank = (int)matrix.shape[0],
                    Condition = ConditionOf(factor),
                };
            }
        }

        throw new InvalidOperationException(FormattableString.Invariant(
            $"The Gram matrix is not positive definite, not even at {Math.Pow(10, MostRaises):G2} times the damping {relativeDamping:G3}. Increase Damping, for example to 0.1, and check the data for extreme inputs."));
    }

    private static GramSolution SolveMinimumNorm(Tensor matrix, Tensor target, double tolerance)
    {
        var (values, vectors) = linalg.eigh(matrix); // [L], [L, L], ascending
        var largest = values[^1].item<double>();
        var kept = values.GreaterThan(tolerance * largest).nonzero().squeeze(1);
        var keptValues = values.index_select(0, kept); // [K]
        var keptVectors = vectors.index_select(1, kept); // [L, K]
        var weights = keptVectors.mv(keptVectors.t().mv(target).div(keptValues)); // [L]
        return new GramSolution(weights)
        {
            Damping = 0,
            Rank = (int)kept.shape[0],
            Condition = largest / keptValues[0].item<double>(),
        };
    }

    private static Tensor Symmetric(Tensor gram)
    {
        var matrix = gram.to(ScalarType.Float64);
        return matrix.Plus(matrix.t()).Times(0.5);
    }

    private static Tensor Damped(Tensor matrix, double damping) =>
        matrix.Plus(eye(matrix.shape[0], dtype: ScalarType.Float64, device: matrix.device).Times(damping));

    private static Tensor AliveRows(Tensor matrix, Tensor target, bool zeroTargetsCount, bool isDamped)
    {
        var diagonal = matrix.diagonal();
        var usable = diagonal.isfinite().logical_and(target.isfinite());
        if (!zeroTargetsCount)
        {
            usable = usable.logical_and(target.abs().gt(torch.tensor(0.0).to(target.device)));
        }

        var floor = diagonal.where(usable, zeros_like(diagonal)).max().Times(zeroTargetsCount && isDamped ? 0 : DeadRowThreshold);
        return usable.logical_and(diagonal.gt(floor)).nonzero().squeeze(1);
    }

    // The squared ratio of the extreme diagonal entries of a Cholesky factor: a lower bound of the condition number.
    private static double ConditionOf(Tensor factor)
    {
        var diagonal = factor.diagonal();
        var ratio = diagonal.max().item<double>() / diagonal.min().item<double>();
        return ratio * ratio;
    }
}
