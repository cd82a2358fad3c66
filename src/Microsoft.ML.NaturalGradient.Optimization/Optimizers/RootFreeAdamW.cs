using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Root-free AdamW on the mean loss of B samples.</summary>
/// <remarks>
/// θ ← θ(1 − ηκ); m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)B g², v₀ = 1; θ ← θ − η m/(v + ε), with m and v divided by 1 − βᵗ when the bias
/// is corrected. Lin et al., ICML 2024, whose v is this one divided by B: so batches of other sizes, as at the end of an epoch, count as what they are. State 2P.
/// </remarks>
internal sealed class RootFreeAdamW : MeanGradientOptimizer
{
    private readonly RootFreeAdamWOptions _options;
    private readonly Tensor[] _means;
    private readonly Tensor[] _curvature;
    private long _steps;

    public RootFreeAdamW(IReadOnlyList<Parameter> parameters, RootFreeAdamWOptions options)
        : base(parameters, options)
    {
        _options = options;
        _means = TrackLikeParameters("mean");
        _curvature = TrackLikeParameters("curvature");
        Track("steps", () => _steps, value => _steps = (long)value);
    }

    private protected override void Move(IReadOnlyList<Tensor> gradients, double sampleCount, double learningRate)
    {
        var isFirst = _steps++ == 0;
        var meanCorrection = _options.BiasCorrection ? 1 - Math.Pow(_options.Beta1, _steps) : 1;
        var curvatureCorrection = _options.BiasCorrection ? 1 - Math.Pow(_options.Beta2, _steps) : 1;
        for (var i = 0; i < Parameters.Count; i++)
        {
            if (isFirst)
            {
                _curvature[i].AddInPlace(ones_like(_curvature[i])); // v₀
            }

            _means[i].AverageInPlace(gradients[i], _options.Beta1);
            _curvature[i].AverageInPlace(gradients[i].Square().Times(sampleCount), _options.Beta2);
            var denominator = _curvature[i].Times(1 / curvatureCorrection).Plus(_options.Epsilon);
            Shrink(i, learningRate * _options.WeightDecay);
            Shift(i, _means[i].div(denominator), -learningRate / meanCorrection);
        }
    }
}
