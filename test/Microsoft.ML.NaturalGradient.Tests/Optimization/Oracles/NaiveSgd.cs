namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Heavy-ball momentum in PyTorch's form.</summary>
internal sealed class NaiveSgd(int size, SgdOptions options) : INaiveOptimizer
{
    private readonly double[] _momentum = new double[size];

    public void Step(double[] weights, double[] gradient, int samples, double learningRate)
    {
        for (var i = 0; i < weights.Length; i++)
        {
            _momentum[i] = (options.Momentum * _momentum[i]) + gradient[i] + (options.WeightDecay * weights[i]);
            weights[i] -= learningRate * _momentum[i];
        }
    }
}
