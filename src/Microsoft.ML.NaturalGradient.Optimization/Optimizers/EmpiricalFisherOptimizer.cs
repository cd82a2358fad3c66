using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>What EF and iEF share: the solve of a Gram system over the batch's own rows, with momentum and the filter of near-duplicates.</summary>
internal abstract class EmpiricalFisherOptimizer : GramOptimizer
{
    private readonly EmpiricalFisherOptions _options;
    private readonly Tensor[]? _momentum; // φ, in the order of the parameters

    private protected EmpiricalFisherOptimizer(IReadOnlyList<Parameter> parameters, EmpiricalFisherOptions options)
        : base(parameters, options)
    {
        _options = options;
        _momentum = options.Momentum > 0 ? TrackLikeParameters("momentum") : null;
    }

    private protected override double LargestLearningRate =>
        _momentum is null ? double.PositiveInfinity : _options.MomentumGuard * (1 - _options.Momentum);

    /// <summary>Solves for the weights of the rows and combines them; with momentum φ ← μφ + Rᵀw, (RRᵀ + λI)w = t − μRφ.</summary>
    /// <param name="rows">R, captured.</param>
    /// <param name="gram">RRᵀ, [N, N].</param>
    /// <param name="target">t, [N]; zero for rows that are not to be used.</param>
    /// <param name="squaredNorms">‖g_n‖² of the per-sample gradients, [N].</param>
    /// <param name="rowWeights">c, [N]; R and t are multiplied by their roots.</param>
    /// <param name="solve">Solves a system given its matrix, right-hand side and row weights.</param>
    /// <param name="withState">Whether the momentum is used and moved on.</param>
    private protected (ParameterVector Direction, StepDiagnostics Diagnostics) Solve(
        IPerSampleGradients rows, Tensor gram, Tensor target, Tensor squaredNorms, Tensor rowWeights,
        Func<Tensor, Tensor, Tensor, GramSolution> solve, bool withState)
    {
        CheckCoverage(rows);
        var momentum = withState ? _momentum : null;
        if (momentum is not null)
        {
            var used = target.ne(zeros_like(target)).to(ScalarType.Float64);
            target = target.Minus(rows.Dot(Keyed(momentum)).mul(used).Times(_options.Momentum));
        }

        using var solution = SolveKept(gram, target, squaredNorms, rowWeights, solve);
        var direction = Combine(rows, solution.Weights);
        if (momentum is not null)
        {
            Remember(momentum, direction);
            direction = Keyed(momentum);
        }

        return (direction, Diagnose(squaredNorms, solution));
    }

    private GramSolution SolveKept(
        Tensor gram, Tensor target, Tensor squaredNorms, Tensor rowWeights, Func<Tensor, Tensor, Tensor, GramSolution> solve)
    {
        if (_options.DuplicateThreshold is not { } threshold)
        {
            return solve(gram, target, rowWeights);
        }

        var kept = DuplicateFilter.Kept(gram, squaredNorms, threshold);
        using var part = solve(gram.index_select(0, kept).index_select(1, kept), target.index_select(0, kept), rowWeights.index_select(0, kept));
        return new GramSolution(zeros_like(target).index_copy(0, kept, part.Weights))
        {
            Damping = part.Damping,
            Scale = part.Scale,
            DampingRaised = part.DampingRaised,
            DeadRows = part.DeadRows + (int)(target.shape[0] - kept.shape[0]),
            Rank = part.Rank,
            Condition = part.Condition,
        };
    }

    private void Remember(Tensor[] momentum, ParameterVector change)
    {
        using var noGrad = no_grad();
        for (var i = 0; i < momentum.Length; i++)
        {
            momentum[i].ScaleInPlace(_options.Momentum);
            momentum[i].AddInPlace(change[Parameters[i]]);
        }
    }

    private ParameterVector Keyed(Tensor[] parts) =>
        new ParameterVector(Parameters, parts);
}
