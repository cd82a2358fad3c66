using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Stochastic gradient descent with heavy-ball momentum on the mean loss.</summary>
/// <remarks>g ← g + κθ; m ← μm + g; θ ← θ − ηm. Sutskever et al., ICML 2013, in the form PyTorch uses. State P with momentum.</remarks>
internal sealed class Sgd : MeanGradientOptimizer
{
    private readonly SgdOptions _options;
    private readonly Tensor[]? _momentum;

    public Sgd(IReadOnlyList<Parameter> parameters, SgdOptions options)
        : base(parameters, options)
    {
        _options = options;
        _momentum = options.Momentum > 0 ? TrackLikeParameters("momentum") : null;
    }

    private protected override void Move(IReadOnlyList<Tensor> gradients, double sampleCount, double learningRate)
    {
        for (var i = 0; i < Parameters.Count; i++)
        {
            var direction = DecayOf(i, _options.WeightDecay) is > 0 and var decay
                ? gradients[i].Plus(Parameters[i].Times(decay))
                : gradients[i];
            Shift(i, Accumulate(_momentum?[i], _options.Momentum, direction), -learningRate);
        }
    }
}
