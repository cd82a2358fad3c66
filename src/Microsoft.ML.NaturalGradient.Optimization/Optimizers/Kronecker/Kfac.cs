using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>KFAC: G from labels drawn from the model, or from the factor S of the loss's Hessian in the logits (all labels).</summary>
/// <remarks>
/// G = (1/K) Σ_k Σ_n e eᵀ with e the errors for the k-th drawn labels; exactly, G = Σ_k Σ_n e eᵀ with e those of the k-th column of S.
/// Martens and Grosse, ICML 2015, eq. (1) and section 5.
/// </remarks>
internal sealed class Kfac : KroneckerOptimizer
{
    private readonly KfacOptions _options;
    private readonly Generator _generator;
    private readonly Func<BatchEvaluation, Tensor> _sample;

    /// <summary>Draws labels from a seeded generator.</summary>
    public Kfac(IReadOnlyList<Parameter> parameters, KfacOptions options, long seed)
        : base(parameters, options)
    {
        _options = options;
        _generator = Track("generator", new Generator((ulong)seed, CPU));
        _sample = batch => batch.SampledLogitGradients(_generator);
    }

    /// <summary>Takes the drawn labels' logit gradients from outside, for comparison with a reference.</summary>
    internal Kfac(IReadOnlyList<Parameter> parameters, KfacOptions options, Func<BatchEvaluation, Tensor> sample)
        : this(parameters, options, 0)
    {
        _sample = sample;
    }

    /// <inheritdoc/>
    public override ParameterVector Direction(BatchEvaluation batch)
    {
        using var position = _generator.get_state();
        try
        {
            return base.Direction(batch);
        }
        finally
        {
            _generator.set_state(position);
        }
    }

    private protected override (IReadOnlyList<Tensor> Seeds, Tensor? Weights) Sources(BatchEvaluation batch) => (
        _options.ExactLabels ? AllLabels(batch) : [.. Enumerable.Range(0, _options.Samples).Select(_ => DrawnLabels(batch))],
        null);

    private static List<Tensor> AllLabels(BatchEvaluation batch)
    {
        using var factor = batch.FactorHessian();
        return [.. factor.Columns.unbind(0)];
    }

    private Tensor DrawnLabels(BatchEvaluation batch) => batch.Weights.TimesRoots(_sample(batch)).Times(1 / Math.Sqrt(_options.Samples));
}
