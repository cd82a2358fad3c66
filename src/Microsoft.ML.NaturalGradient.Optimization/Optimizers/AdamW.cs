using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Adam with decoupled weight decay on the mean loss.</summary>
/// <remarks>
/// θ ← θ(1 − ηκ); m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; θ ← θ − η (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε).
/// Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2. State 2P.
/// </remarks>
internal sealed class AdamW : MeanGradientOptimizer
{
    private readonly AdamWOptions _options;
    private readonly Tensor[] _means;
    private readonly Tensor[] _squares;
    private long _steps;

    public AdamW(IReadOnlyList<Parameter> parameters, AdamWOptions options)
        : base(parameters, options)
    {
        _options = options;
        _means = TrackLikeParameters("mean");
        _squares = TrackLikeParameters("square");
        Track("steps", () => _steps, value => _steps = (long)value);
    }

    private protected override void Move(IReadOnlyList<Tensor> gradients, double sampleCount, double learningRate)
    {
        _steps++;
        var meanCorrection = 1 - Math.Pow(_options.Beta1, _steps);
        var squareCorrection = 1 - Math.Pow(_options.Beta2, _steps);
        for (var i = 0; i < Parameters.Count; i++)
        {
            _means[i].AverageInPlace(gradients[i], _options.Beta1);
            _squares[i].AverageInPlace(gradients[i].Square(), _options.Beta2);
            var denominator = _squares[i].Times(1 / squareCorrection).sqrt_().Plus(_options.Epsilon);
            Shrink(i, learningRate * _options.WeightDecay);
            Shift(i, _means[i].div(denominator), -learningRate / meanCorrection);
        }
    }
}
