namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Loshchilov and Hutter, ICLR 2019, algorithm 2.</summary>
internal sealed class NaiveAdamW(int size, AdamWOptions options) : INaiveOptimizer
{
    private readonly double[] _m = new double[size];
    private readonly double[] _v = new double[size];
    private int _t;

    public void Step(double[] weights, double[] gradient, int samples, double learningRate)
    {
        _t++;
        for (var i = 0; i < weights.Length; i++)
        {
            _m[i] = (options.Beta1 * _m[i]) + ((1 - options.Beta1) * gradient[i]);
            _v[i] = (options.Beta2 * _v[i]) + ((1 - options.Beta2) * gradient[i] * gradient[i]);
            var mHat = _m[i] / (1 - Math.Pow(options.Beta1, _t));
            var vHat = _v[i] / (1 - Math.Pow(options.Beta2, _t));
            weights[i] -= learningRate * ((mHat / (Math.Sqrt(vHat) + options.Epsilon)) + (options.WeightDecay * weights[i]));
        }
    }
}
