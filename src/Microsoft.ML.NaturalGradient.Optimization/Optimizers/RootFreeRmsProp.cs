using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Root-free RMSProp on the mean loss of B samples.</summary>
/// <remarks>
/// S ← αS + (1−α)B g², S₀ = 1; q = g/(S + ε) + κθ; m ← μm + q; θ ← θ − ηm. B g² stands for the diagonal of the sum of g_n g_nᵀ, the
/// empirical Fisher. Lin et al., ICML 2024, whose S is this one divided by B: so batches of other sizes, as at the end of an epoch, count as what they are. State P, 2P with
/// momentum.
/// </remarks>
internal sealed class RootFreeRmsProp : MeanGradientOptimizer
{
    private readonly RootFreeRmsPropOptions _options;
    private readonly Tensor[] _curvature;
    private readonly Tensor[]? _momentum;
    private long _steps;

    public RootFreeRmsProp(IReadOnlyList<Parameter> parameters, RootFreeRmsPropOptions options)
        : base(parameters, options)
    {
        _options = options;
        _curvature = TrackLikeParameters("curvature");
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
                _curvature[i].AddInPlace(ones_like(_curvature[i])); // S₀
            }

            _curvature[i].AverageInPlace(gradients[i].Square().Times(sampleCount), _options.Alpha);
            var direction = gradients[i].div(_curvature[i].Plus(_options.Epsilon)); // q
            if (DecayOf(i, _options.WeightDecay) is > 0 and var decay)
            {
                direction.AddInPlace(Parameters[i], decay);
            }

            Shift(i, Accumulate(_momentum?[i], _options.Momentum, direction), -learningRate);
        }
    }
}
