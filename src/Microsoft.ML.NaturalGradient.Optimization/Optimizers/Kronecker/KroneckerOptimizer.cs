using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Base of the methods that approximate the Fisher matrix by one Kronecker product A ⊗ G for each linear map.</summary>
/// <remarks>
/// d = (N·A ⊗ G + λI)⁻¹ Σ_n g_n with A = mean of āāᵀ and G = mean over samples of Σ_t e eᵀ, as running averages over the steps. The methods
/// differ in which errors e make up G. Cost of a step: N·T(I² + O²) for the factors of each map, and I³ + O³ at a refresh. Keeps A, G and
/// their inverses (or eigenvectors), and P numbers with momentum.
/// </remarks>
internal abstract class KroneckerOptimizer : Optimizer, IUpdateDirection
{
    private readonly KroneckerOptions _options;
    private readonly Tensor[]? _momentum;
    private KroneckerCurvature? _curvature;
    private OptimizerCoverage? _coverage;
    private long _steps;

    private protected KroneckerOptimizer(IReadOnlyList<Parameter> parameters, KroneckerOptions options)
        : base(parameters)
    {
        _options = options;
        _momentum = options.Momentum > 0 ? TrackLikeParameters("momentum") : null;
        Track("steps", () => _steps, value => _steps = (long)value);
    }

    /// <inheritdoc/>
    internal override bool NeedsPerSampleGradients => true;

    /// <inheritdoc/>
    internal override bool ReadsLayerInputs => true;

    /// <inheritdoc/>
    internal override OptimizerCoverage? Coverage => _coverage;

    /// <inheritdoc/>
    public virtual ParameterVector Direction(BatchEvaluation batch)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (gradient, estimate) = Evaluate(batch);
        using var owned = estimate;
        var curvature = new KroneckerCurvature(Set, _options, estimate, (_, value) => value, (_, _, _) => { });
        curvature.Update(estimate);
        curvature.Invert(batch.Weights.Sum);
        var direction = curvature.Precondition(gradient);
        return new ParameterVector(Set, direction.Of(Set).Select((part, i) => part.Times(Set.RateFactor(i)))).MoveToOuterDisposeScope();
    }

    private protected override bool IsMadeInFirstStep(string name) => KroneckerCurvature.IsPart(name);

    private protected override StepDiagnostics Apply(BatchEvaluation batch, double learningRate)
    {
        using var noGrad = no_grad();
        var (gradient, estimate) = Evaluate(batch);
        using var owned = estimate;
        _curvature ??= new KroneckerCurvature(Set, _options, estimate, Track, Track);
        _curvature.Update(estimate);
        if (_steps < _options.InverseInterval || _steps % _options.InverseInterval == 0)
        {
            _curvature.Invert(batch.Weights.Sum);
        }

        _steps++;
        Move(_curvature.Precondition(gradient), learningRate);
        return StepDiagnostics.None;
    }

    /// <summary>Tells what is sent back for the per-sample gradients, times the roots of the row weights, that make up the Fisher matrix.</summary>
    /// <param name="batch">The evaluated batch.</param>
    /// <returns>
    /// Seeds shaped like the logits, one set for each backward pass, and the weights, [N], by which the rows of the only pass add up to the gradient of the
    /// mean loss; null where that takes a pass of its own.
    /// </returns>
    private protected abstract (IReadOnlyList<Tensor> Seeds, Tensor? Weights) Sources(BatchEvaluation batch);

    private (ParameterVector Gradient, KroneckerEstimate Estimate) Evaluate(BatchEvaluation batch)
    {
        batch.Trained = Parameters;
        var (seeds, weights) = Sources(batch);
        var gradient = new ParameterVector(
            Set, weights is null ? batch.MeanGradient(Parameters, keepGraph: true) : [.. Parameters.Select(parameter => zeros_like(parameter).detach().Wide())]);
        var estimate = new KroneckerEstimate(_options.WeightSharing, batch.Weights);
        for (var k = 0; k < seeds.Count; k++)
        {
            var isFirst = k == 0;
            batch.ForEachCapture(seeds[k], keepGraph: k + 1 < seeds.Count || !batch.IsWhole, (captured, part) =>
            {
                CheckCoverage(captured);
                using var rows = batch.WeightsOf(part);
                estimate.Add(captured, rows, isFirst);
                _coverage ??= OptimizerCoverage.Of(Parameters, captured, estimate.Covered, "scaled gradient");
                if (weights is not null)
                {
                    using var scope = NewDisposeScope();
                    var sums = captured.Combine(part.Of(weights));
                    foreach (var parameter in Parameters)
                    {
                        gradient[parameter].AddInPlace(sums[parameter]);
                    }
                }

                if (batch.IsWhole)
                {
                    estimate.AddOthers(captured);
                }
            });
            if (!batch.IsWhole && estimate.Others.Count > 0)
            {
                using var rows = batch.PerSample(seeds[k], keepGraph: k + 1 < seeds.Count);
                estimate.AddOthers(rows);
            }
        }

        batch.AllReduce([.. estimate.Factors, .. weights is null ? [] : gradient.Parts]);
        return (gradient, estimate);
    }

    private void Move(ParameterVector direction, double learningRate)
    {
        for (var i = 0; i < Parameters.Count; i++)
        {
            var step = direction[Parameters[i]];
            if (_momentum is not null)
            {
                _momentum[i].ScaleInPlace(_options.Momentum);
                _momentum[i].AddInPlace(step);
                step = _momentum[i];
            }

            Parameters[i].AddInPlace(step, -learningRate * Set.RateFactor(i));
        }
    }
}
