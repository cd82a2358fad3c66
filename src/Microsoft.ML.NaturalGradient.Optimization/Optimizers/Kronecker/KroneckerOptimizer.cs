using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
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
    public override bool NeedsPerSampleGradients => true;

    /// <inheritdoc/>
    public override OptimizerCoverage? Coverage => _coverage;

    /// <inheritdoc/>
    public virtual Dictionary<IntPtr, Tensor> Direction(BatchEvaluation batch)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (gradient, estimate) = Evaluate(batch);
        var curvature = new KroneckerCurvature(Parameters, _options, estimate, (_, value) => value, (_, _, _) => { });
        curvature.Update(estimate);
        curvature.Invert(batch.Weights.Sum);
        return curvature.Precondition(gradient).ToDictionary(pair => pair.Key, pair => pair.Value.MoveToOuterDisposeScope());
    }

    private protected override bool IsMadeInFirstStep(string name) => KroneckerCurvature.IsPart(name);

    private protected override StepDiagnostics Apply(BatchEvaluation batch, double learningRate)
    {
        using var noGrad = no_grad();
        var (gradient, estimate) = Evaluate(batch);
        _curvature ??= new KroneckerCurvature(Parameters, _options, estimate, Track, Track);
        _curvature.Update(estimate);
        if (_steps < _options.InverseInterval || _steps % _options.InverseInterval == 0)
        {
            _curvature.Invert(batch.Weights.Sum);
        }

        _steps++;
        Move(_curvature.Precondition(gradient), learningRate);
        return StepDiagnostics.None;
    }

    /// <summary>Shows captures whose per-sample gradients, times the roots of the row weights, make up the Fisher matrix, and computes the gradient of the mean loss.</summary>
    /// <param name="batch">The evaluated batch; its graph is used up.</param>
    /// <param name="observe">Takes a capture that is disposed afterwards.</param>
    /// <returns>The gradient, keyed by the parameter's handle; in the caller's dispose scope.</returns>
    private protected abstract Dictionary<IntPtr, Tensor> Observe(BatchEvaluation batch, Action<CapturedGradients> observe);

    private (Dictionary<IntPtr, Tensor> Gradient, KroneckerEstimate Estimate) Evaluate(BatchEvaluation batch)
    {
        var estimate = new KroneckerEstimate(_options.WeightSharing, batch.Weights);
        var gradient = Observe(batch, captured =>
        {
            estimate.Add(captured);
            _coverage ??= OptimizerCoverage.Of(Parameters, captured, estimate.Covered, "scaled gradient");
        });
        return (gradient, estimate);
    }

    private void Move(Dictionary<IntPtr, Tensor> direction, double learningRate)
    {
        for (var i = 0; i < Parameters.Count; i++)
        {
            var step = direction[Parameters[i].Handle];
            if (_momentum is not null)
            {
                _momentum[i].ScaleInPlace(_options.Momentum);
                _momentum[i].AddInPlace(step);
                step = _momentum[i];
            }

            Parameters[i].AddInPlace(step, -learningRate);
        }
    }
}
