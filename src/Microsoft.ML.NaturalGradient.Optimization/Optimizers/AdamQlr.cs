using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Adam's direction with the step length of a damped quadratic model.</summary>
/// <remarks>
/// With the mean loss f, its gradient g and exact Fisher matrix F: d = m̂/(√v̂ + ε), κ = dᵀFd + λ‖d‖², α = (d·g)/κ, cut to the largest
/// step, θ ← θ − αd. Then ρ = (f(θ') − f(θ))/(½α²κ − α d·g) on the same batch; λ falls where ρ &gt; ¾ and rises where ρ &lt; ¼, never below
/// 1E-8. Clarke and Hernández-Lobato, ICML 2024, algorithm 1; weight decay acts after the step. State 2P; three more forward passes.
/// </remarks>
internal sealed class AdamQlr : Optimizer
{
    private const double SmallestDamping = 1e-8;
    private const double GoodRatio = 0.75;
    private const double BadRatio = 0.25;

    private readonly AdamQlrOptions _options;
    private readonly Tensor[] _means;
    private readonly Tensor[] _squares;
    private long _steps;

    public AdamQlr(IReadOnlyList<Parameter> parameters, AdamQlrOptions options)
        : base(parameters)
    {
        _options = options;
        _means = TrackLikeParameters("mean");
        _squares = TrackLikeParameters("square");
        Damping = options.InitialDamping;
        Track("steps", () => _steps, value => _steps = (long)value);
        Track("damping", () => Damping, value => Damping = value);
    }

    /// <summary>The damping λ of the next step.</summary>
    public double Damping { get; private set; }

    /// <inheritdoc/>
    internal override bool NeedsPerSampleGradients => false;

    private protected override StepDiagnostics Apply(BatchEvaluation batch, double learningRate)
    {
        var gradients = batch.MeanGradient(Parameters);
        using var noGrad = no_grad();
        var direction = Direction(gradients);
        var slope = gradients.Zip(direction, (gradient, part) => gradient.Inner(part)).Sum();
        var length = direction.Norm();
        var keyed = new ParameterVector(Parameters, direction);
        var curvature = (new FisherProducts(batch, Parameters).Along(keyed).Curvature / batch.Weights.Sum) + (Damping * length * length);
        if (!(curvature > 0))
        {
            return StepDiagnostics.None; // the gradient has always been zero
        }

        var limit = _options.LargestStep ?? double.PositiveInfinity;
        var step = Math.Clamp(learningRate * slope / curvature, -limit, limit);
        for (var i = 0; i < direction.Length; i++)
        {
            Parameters[i].AddInPlace(direction[i], -step);
        }

        Adapt(batch, (0.5 * step * step * curvature) - (step * slope));
        return new StepDiagnostics { LearningRate = step };
    }

    private Tensor[] Direction(Tensor[] gradients)
    {
        _steps++;
        var meanCorrection = 1 - Math.Pow(_options.Beta1, _steps);
        var squareCorrection = 1 - Math.Pow(_options.Beta2, _steps);
        for (var i = 0; i < gradients.Length; i++)
        {
            _means[i].AverageInPlace(gradients[i], _options.Beta1);
            _squares[i].AverageInPlace(gradients[i].Square(), _options.Beta2);
        }

        return [.. _means.Zip(_squares).Select((pair, i) =>
            pair.First.Times(Set.RateFactor(i) / meanCorrection).div(pair.Second.Times(1 / squareCorrection).sqrt_().Plus(_options.Epsilon)))];
    }

    // Compares what the step gained on its batch with what the quadratic model promised.
    private void Adapt(BatchEvaluation batch, double promised)
    {
        if (promised == 0)
        {
            return; // no step, which no quotient can judge
        }

        using var logits = batch.RepeatForward();
        using var losses = batch.LossesAt(logits);
        var gained = batch.Weights.Mean(losses) - batch.MeanLoss;
        var ratio = gained / promised;
        var factor = ratio > GoodRatio ? _options.DampingDecrease : ratio >= BadRatio ? 1 : _options.DampingIncrease;
        Damping = Math.Max(SmallestDamping, Damping * factor);
    }
}
