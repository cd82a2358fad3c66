using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>FAdam on the mean loss.</summary>
/// <remarks>
/// β̂ = β₂(1−β₂ᵗ⁻¹)/(1−β₂ᵗ); f ← β̂f + (1−β̂)g²; D = fᵖ + ε̂; m ← β₁m + (1−β₁) clip(g/D); θ ← θ − η(m + κ clip(θ/D)), with
/// clip(x) = x c / max(1, RMS(x)) for each parameter. Hwang, 2024; ε̂ and clip as in the authors' code. State 2P.
/// </remarks>
internal sealed class FAdam : MeanGradientOptimizer
{
    private const double PaperFraction = 0.01;

    // Where g = 0 the adaptive forms give ε̂ = 0 and 0/0. The square of θ divided by this still fits a float32.
    private const double SmallestEpsilon = 1e-15;

    private readonly FAdamOptions _options;
    private readonly Tensor[] _means;
    private readonly Tensor[] _fisher;
    private long _steps;

    public FAdam(IReadOnlyList<Parameter> parameters, FAdamOptions options)
        : base(parameters, options)
    {
        _options = options;
        _means = TrackLikeParameters("mean");
        _fisher = TrackLikeParameters("fisher");
        Track("steps", () => _steps, value => _steps = (long)value);
    }

    private protected override void Move(IReadOnlyList<Tensor> gradients, double sampleCount, double learningRate)
    {
        _steps++;
        var beta2 = _options.Beta2;
        var fading = beta2 * (1 - Math.Pow(beta2, _steps - 1)) / (1 - Math.Pow(beta2, _steps)); // β̂, 0 at the first step
        for (var i = 0; i < Parameters.Count; i++)
        {
            _fisher[i].AverageInPlace(gradients[i].Square(), fading);
            var denominator = _fisher[i].Power(_options.FisherExponent).Plus(Epsilon(gradients[i]));
            _means[i].AverageInPlace(Clip(gradients[i].div(denominator)), _options.Beta1);
            var direction = DecayOf(i, _options.WeightDecay) is > 0 and var decay
                ? _means[i].Plus(Clip(Parameters[i].div(denominator)).Times(decay))
                : _means[i];
            Shift(i, direction, -learningRate);
        }
    }

    private double Epsilon(Tensor gradient)
    {
        var (epsilon, rms) = (_options.Epsilon, gradient.Rms());
        return _options.EpsilonMode switch
        {
            EpsilonMode.MaxRms => epsilon * Math.Max(1, rms),
            EpsilonMode.MinRms => Math.Max(SmallestEpsilon, epsilon * Math.Min(1, rms)),
            _ => Math.Max(SmallestEpsilon, Math.Min(epsilon, PaperFraction * rms)),
        };
    }

    private Tensor Clip(Tensor value) => value.Times(_options.ClipThreshold / Math.Max(1, value.Rms()));
}
