using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Root-free AdamW on the mean loss of B samples.</summary>
/// <remarks>
/// θ ← θ(1 − ηκ); m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g², v₀ = 1/B; θ ← θ − η m/(B v + ε), with m and v divided by 1 − βᵗ when the bias
/// is corrected. Lin et al., ICML 2024. State 2P.
/// </remarks>
internal sealed class RootFreeAdamW : MeanGradientOptimizer
{
    private readonly RootFreeAdamWOptions _options;
    private readonly Tensor[] _means;
    private readonly Tensor[] _squares;
    private long _steps;

    public RootFreeAdamW(IReadOnlyList<Parameter> parameters, RootFreeAdamWOptions options)
        : base(parameters, options)
    {
        _options = options;
        _means = TrackLikeParameters("mean");
        _squares = TrackLikeParameters("square");
        Track("steps", () => _steps, value => _steps = (long)value);
    }

    private protected override void Move(IReadOnlyList<Tensor> gradients, double sampleCount, double learningRate)
    {
        var isFirst = _steps++ == 0;
        var meanCorrection = _options.BiasCorrection ? 1 - Math.Pow(_options.Beta1, _steps) : 1;
        var squareCorrection = _options.BiasCorrection ? 1 - Math.Pow(_options.Beta2, _steps) : 1;
        for (var i = 0; i < Parameters.Count; i++)
        {
            if (isFirst)
            {
                _squares[i].AddInPlace(ones_like(_squares[i]), 1.0 / sampleCount); // v₀
            }

            _means[i].AverageInPlace(gradients[i], _options.Beta1);
            _squares[i].AverageInPlace(gradients[i].Square(), _options.Beta2);
            var denominator = _squares[i].Times(sampleCount / squareCorrection).Plus(_options.Epsilon);
            Shrink(i, learningRate * _options.WeightDecay);
            Shift(i, _means[i].div(denominator), -learningRate / meanCorrection);
        }
    }
}
