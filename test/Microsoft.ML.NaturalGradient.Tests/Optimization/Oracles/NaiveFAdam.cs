namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Hwang, 2024, with the authors' clipping and their three readings of ε.</summary>
internal sealed class NaiveFAdam(int size, FAdamOptions options) : INaiveOptimizer
{
    private readonly double[] _m = new double[size];
    private readonly double[] _f = Enumerable.Repeat(1.0, size).ToArray();
    private int _t;

    public static double Rms(double[] values) => Math.Sqrt(values.Sum(value => value * value) / values.Length);

    public void Step(double[] weights, double[] gradient, int samples, double learningRate)
    {
        _t++;
        var decay = options.Beta2 * (1 - Math.Pow(options.Beta2, _t - 1)) / (1 - Math.Pow(options.Beta2, _t));
        var rms = Rms(gradient);
        var epsilon = options.EpsilonMode switch
        {
            EpsilonMode.MaxRms => options.Epsilon * Math.Max(1, rms),
            // The paper has 0/0 where there is no gradient.
            EpsilonMode.MinRms => Math.Max(1e-15, options.Epsilon * Math.Min(1, rms)),
            _ => Math.Max(1e-15, Math.Min(options.Epsilon, 0.01 * rms)),
        };
        var natural = new double[weights.Length];
        var decayed = new double[weights.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            _f[i] = (decay * _f[i]) + ((1 - decay) * gradient[i] * gradient[i]);
            natural[i] = gradient[i] / (Math.Pow(_f[i], options.FisherExponent) + epsilon);
            decayed[i] = weights[i] / (Math.Pow(_f[i], options.FisherExponent) + epsilon);
        }

        var naturalScale = Math.Max(1, Rms(natural)) / options.ClipThreshold;
        var decayScale = Math.Max(1, Rms(decayed)) / options.ClipThreshold;
        for (var i = 0; i < weights.Length; i++)
        {
            _m[i] = (options.Beta1 * _m[i]) + ((1 - options.Beta1) * natural[i] / naturalScale);
            weights[i] -= learningRate * (_m[i] + (options.WeightDecay * decayed[i] / decayScale));
        }
    }
}
