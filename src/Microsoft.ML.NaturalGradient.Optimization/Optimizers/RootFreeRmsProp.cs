using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Root-free RMSProp on the mean loss of B samples.</summary>
/// <remarks>
/// S ← αS + (1−α)g², S₀ = 1/B; q = g/(B S + ε) + κθ; m ← μm + q; θ ← θ − ηm. B g² stands for the diagonal of the sum of g_n g_nᵀ, the
/// empirical Fisher. Lin et al., ICML 2024. State P, 2P with momentum.
/// </remarks>
internal sealed class RootFreeRmsProp : MeanGradientOptimizer
{
    private readonly RootFreeRmsPropOptions _options;
    private readonly Tensor[] _squares;
    private readonly Tensor[]? _momentum;
    private long _steps;

    public RootFreeRmsProp(IReadOnlyList<Parameter> parameters, RootFreeRmsPropOptions options)
        : base(parameters, options)
    {
        _options = options;
        _squares = TrackLikeParameters("square");
        _momentum = options.Momentum > 0 ? TrackLikeParameters("momentum") : null;
        Track("steps", () => _steps, value => _steps = (long)value);
    }

    private protected override void Move(IReadOnlyList<Tensor> gradients, double sampleCount, double learningRate)
    {
        var isFirst = _steps++ == 0;
        for (var i = 0; i < Parameters.Count; i++)
        {
            if (isFirst)
            {
                _squares[i].AddInPlace(ones_like(_squares[i]), 1.0 / sampleCount); // S₀
            }

            _squares[i].AverageInPlace(gradients[i].Square(), _options.Alpha);
            var direction = gradients[i].div(_squares[i].Times(sampleCount).Plus(_options.Epsilon)); // q
            if (DecayOf(i, _options.WeightDecay) is > 0 and var decay)
            {
                direction.AddInPlace(Parameters[i], decay);
            }

            Shift(i, Accumulate(_momentum?[i], _options.Momentum, direction), -learningRate);
        }
    }
}
