using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Natural gradient with a Monte-Carlo Fisher: K labels per sample are drawn from the model.</summary>
/// <remarks>
/// d = (ĴᵀĴ/K + λI)⁻¹ g = (1/λ)[g − Ĵᵀ(ĴĴᵀ + KλI)⁻¹ Ĵg], with g the true gradient and Ĵ [N·K, P] the gradients for the drawn labels.
/// Wu et al., NeurIPS 2024, App. E, eq. (49) for K = 1. λ is relative to the mean diagonal of ĴĴᵀ. With row weights the rows are √c ĵ and g = Σ c g_n. As λ → 0 this becomes a
/// projection of g away from the sampled gradients, so near-zero damping is useless for training. Where a relative λ would be below 1E-30, the drawn gradients
/// count as zero and d = g.
/// </remarks>
internal sealed class SampledFisher : GramOptimizer
{
    private readonly SfOptions _options;
    private readonly Generator? _generator;
    private readonly Func<BatchEvaluation, Tensor> _sample;

    /// <summary>Draws labels from a seeded generator.</summary>
    public SampledFisher(IReadOnlyList<Parameter> parameters, SfOptions options, long seed)
        : base(parameters, options)
    {
        _options = options;
        _generator = Track("generator", new Generator((ulong)seed, torch.CPU));
        _sample = batch => batch.SampledLogitGradients(_generator);
    }

    /// <summary>Takes the drawn labels' logit gradients from outside, for comparison with a reference.</summary>
    internal SampledFisher(IReadOnlyList<Parameter> parameters, SfOptions options, Func<BatchEvaluation, Tensor> sample)
        : base(parameters, options)
    {
        _options = options;
        _sample = sample;
    }

    private protected override (ParameterVector Direction, StepDiagnostics Diagnostics) Compute(BatchEvaluation batch, double? learningRate)
    {
        var position = learningRate is not null ? null : _generator?.get_state();
        try
        {
            return Compute(batch);
        }
        finally
        {
            if (position is not null)
            {
                _generator!.set_state(position);
            }
        }
    }

    private (ParameterVector Direction, StepDiagnostics Diagnostics) Compute(BatchEvaluation batch)
    {
        var weights = batch.Weights;
        using var trueGradients = batch.PerSample(batch.LogitGradients, keepGraph: true);
        CheckCoverage(trueGradients);
        var gradient = trueGradients.Combine(weights.Values); // g
        var draws = new IPerSampleGradients[_options.Samples];
        try
        {
            for (var k = 0; k < draws.Length; k++)
            {
                draws[k] = batch.PerSample(weights.TimesRoots(_sample(batch)), keepGraph: k + 1 < draws.Length);
            }

            var gram = IPerSampleGradients.JointGram(draws, _options.IsDamped); // [N·K, N·K]
            var target = cat([.. draws.Select(draw => draw.Dot(gradient))]); // Ĵg, [N·K]
            var damping = _options.Damping * (_options.AbsoluteDamping ? 1 : gram.diagonal().sum().item<double>() / (draws.Length * weights.Sum));
            if (!_options.AbsoluteDamping && damping < SingleRange.SmallestDamping)
            {
                using var none = new GramSolution(zeros_like(target)) { Damping = 0, DeadRows = (int)target.shape[0] };
                return (gradient, Diagnose(gram.diagonal().div(weights.Values.repeat(draws.Length)), none));
            }

            using var solution = GramSolver.SolveLiteral(gram, target, draws.Length * damping);
            return (Correct(gradient, draws, solution.Weights, damping), Diagnose(gram.diagonal().div(weights.Values.repeat(draws.Length)), solution));
        }
        finally
        {
            Array.ForEach(draws, draw => draw?.Dispose());
        }
    }

    // (1/λ)[g − Ĵᵀ w].
    private static ParameterVector Correct(
        ParameterVector gradient, IPerSampleGradients[] draws, Tensor weights, double damping)
    {
        var parts = weights.chunk(draws.Length);
        var projections = draws.Zip(parts, (draw, part) => draw.Combine(part)).ToList();
        return gradient.Map((parameter, whole) => projections.Aggregate(whole, (sum, part) => sum.Minus(part[parameter])).Times(1 / damping));
    }
}
