namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Shazeer and Stern, ICML 2018, algorithms 4 to 6, for a vector or a stack of matrices.</summary>
internal sealed class NaiveAdafactor(long[] shape, AdafactorOptions options) : INaiveOptimizer
{
    private readonly int _width = (int)shape[^1];
    private readonly int _height = shape.Length > 1 ? (int)shape[^2] : 1;
    private readonly Dictionary<(int Matrix, int Row), double> _r = [];
    private readonly Dictionary<(int Matrix, int Column), double> _c = [];
    private readonly Dictionary<int, double> _v = [];
    private readonly Dictionary<int, double> _m = [];
    private int _t;

    public void Step(double[] weights, double[] gradient, int samples, double learningRate)
    {
        _t++;
        var rate = learningRate;
        if (options.RelativeStep)
        {
            rate *= Math.Min(options.WarmupInit ? 1e-6 * _t : 1e-2, 1 / Math.Sqrt(_t));
        }

        if (options.ScaleParameter)
        {
            rate *= Math.Max(options.SmallestScale, NaiveFAdam.Rms(weights));
        }

        var beta2 = 1 - Math.Pow(_t, -options.DecayExponent);
        var squares = gradient.Select(g => (g * g) + options.Epsilon).ToArray();
        var update = shape.Length == 1 ? Vector(gradient, squares, beta2) : Matrices(gradient, squares, beta2);
        var clip = Math.Max(1, NaiveFAdam.Rms(update) / options.ClipThreshold);
        for (var i = 0; i < weights.Length; i++)
        {
            _m[i] = (options.Beta1 * _m.GetValueOrDefault(i)) + ((1 - options.Beta1) * update[i] / clip * rate);
            weights[i] -= options.WeightDecay * rate * weights[i];
            weights[i] -= _m[i];
        }
    }

    private double[] Vector(double[] gradient, double[] squares, double beta2) => [.. gradient.Select((g, i) =>
    {
        _v[i] = (beta2 * _v.GetValueOrDefault(i)) + ((1 - beta2) * squares[i]);
        return g / Math.Sqrt(_v[i]);
    })];

    private double[] Matrices(double[] gradient, double[] squares, double beta2)
    {
        var result = new double[gradient.Length];
        for (var matrix = 0; matrix < gradient.Length / (_height * _width); matrix++)
        {
            var first = matrix * _height * _width;
            double Square(int row, int column) => squares[first + (row * _width) + column];
            for (var row = 0; row < _height; row++)
            {
                var mean = Enumerable.Range(0, _width).Average(column => Square(row, column));
                _r[(matrix, row)] = (beta2 * _r.GetValueOrDefault((matrix, row))) + ((1 - beta2) * mean);
            }

            for (var column = 0; column < _width; column++)
            {
                var mean = Enumerable.Range(0, _height).Average(row => Square(row, column));
                _c[(matrix, column)] = (beta2 * _c.GetValueOrDefault((matrix, column))) + ((1 - beta2) * mean);
            }

            var meanOfRows = Enumerable.Range(0, _height).Average(row => _r[(matrix, row)]);
            for (var i = 0; i < _height * _width; i++)
            {
                var moment = _r[(matrix, i / _width)] * _c[(matrix, i % _width)] / meanOfRows;
                result[first + i] = gradient[first + i] / Math.Sqrt(moment);
            }
        }

        return result;
    }
}
