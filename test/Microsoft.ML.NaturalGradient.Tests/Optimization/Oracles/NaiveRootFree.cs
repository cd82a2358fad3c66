namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Lin et al., ICML 2024: RMSProp without the square root; B S as one average, which is the same for batches of one size.</summary>
internal sealed class NaiveRootFreeRmsProp(int size, RootFreeRmsPropOptions options) : INaiveOptimizer
{
    private readonly double[] _momentum = new double[size];
    private double[]? _bs;

    public void Step(double[] weights, double[] gradient, int samples, double learningRate)
    {
        _bs ??= Enumerable.Repeat(1.0, weights.Length).ToArray();
        for (var i = 0; i < weights.Length; i++)
        {
            _bs[i] = (options.Alpha * _bs[i]) + ((1 - options.Alpha) * samples * gradient[i] * gradient[i]);
            var q = (gradient[i] / (_bs[i] + options.Epsilon)) + (options.WeightDecay * weights[i]);
            _momentum[i] = (options.Momentum * _momentum[i]) + q;
            weights[i] -= learningRate * _momentum[i];
        }
    }
}

/// <summary>Lin et al., ICML 2024: AdamW without the square root; B v as one average, which is the same for batches of one size.</summary>
internal sealed class NaiveRootFreeAdamW(int size, RootFreeAdamWOptions options) : INaiveOptimizer
{
    private readonly double[] _m = new double[size];
    private double[]? _bv;
    private int _t;

    public void Step(double[] weights, double[] gradient, int samples, double learningRate)
    {
        _t++;
        _bv ??= Enumerable.Repeat(1.0, weights.Length).ToArray();
        var (first, second) = options.BiasCorrection ? (1 - Math.Pow(options.Beta1, _t), 1 - Math.Pow(options.Beta2, _t)) : (1, 1);
        for (var i = 0; i < weights.Length; i++)
        {
            _m[i] = (options.Beta1 * _m[i]) + ((1 - options.Beta1) * gradient[i]);
            _bv[i] = (options.Beta2 * _bv[i]) + ((1 - options.Beta2) * samples * gradient[i] * gradient[i]);
            weights[i] *= 1 - (learningRate * options.WeightDecay);
            weights[i] -= learningRate * (_m[i] / first) / ((_bv[i] / second) + options.Epsilon);
        }
    }
}
