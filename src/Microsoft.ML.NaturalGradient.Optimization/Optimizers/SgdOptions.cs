using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Stochastic gradient descent with momentum, on the mean loss of the batch.</summary>
public sealed record SgdOptions : MeanGradientOptions
{
    /// <summary>Heavy-ball momentum μ.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.</value>
    public double Momentum { get; init; }

    /// <summary>Weight decay κ added to the gradient as κθ.</summary>
    /// <value>Zero or greater. The default is 0.</value>
    public double WeightDecay { get; init; }

    internal override string Name => "SGD";

    internal override void Validate()
    {
        base.Validate();
        CheckDecayRate(Momentum, nameof(Momentum));
        CheckNotNegative(WeightDecay, nameof(WeightDecay));
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new Sgd(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => 0.1;
}
