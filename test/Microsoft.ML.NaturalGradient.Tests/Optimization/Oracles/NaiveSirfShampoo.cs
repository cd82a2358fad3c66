namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Lin et al., ICML 2024, inverse-free Shampoo with dense matrices for every axis; diagonal and absent factors drop entries of Δ.</summary>
internal sealed class NaiveSirfShampoo : INaiveOptimizer
{
    private readonly SirfShampooOptions _options;
    private readonly int[] _sizes;
    private readonly double[][,] _k;
    private readonly double[][,] _m;
    private readonly double[] _momentum;
    private int _t;

    public NaiveSirfShampoo(long[] shape, SirfShampooOptions options)
    {
        _options = options;
        _sizes = [.. shape.Where(size => size > 1).Select(size => (int)size)];
        _sizes = _sizes.Length == 0 ? [1] : _sizes;
        _k = [.. _sizes.Select(size => Fill(size, (i, j) => i == j ? 1 : 0))];
        _m = [.. _sizes.Select(size => new double[size, size])];
        _momentum = new double[_sizes.Aggregate(1, (product, size) => product * size)];
    }

    public void Step(double[] weights, double[] gradient, int samples, double learningRate)
    {
        if (_t++ % _options.FactorInterval == 0)
        {
            UpdateFactors(gradient, samples);
        }

        var u = gradient;
        for (var axis = 0; axis < _sizes.Length; axis++)
        {
            var k = _k[axis];
            u = Along(axis, Fill(_sizes[axis], (i, j) => Sum(_sizes[axis], a => k[i, a] * k[j, a])), u);
        }

        for (var i = 0; i < weights.Length; i++)
        {
            _momentum[i] = (_options.Momentum * _momentum[i]) + u[i] + (_options.WeightDecay * weights[i]);
            weights[i] -= learningRate * _momentum[i];
        }
    }

    private void UpdateFactors(double[] gradient, int samples)
    {
        var x = gradient.Select(g => Math.Sqrt(samples) * g).ToArray();
        var r = new double[_sizes.Length][,];
        for (var axis = 0; axis < _sizes.Length; axis++)
        {
            var (k, d) = (_k[axis], _sizes[axis]);
            x = Along(axis, Fill(d, (i, j) => k[j, i] / Math.Sqrt(d)), x);
            r[axis] = Fill(d, (i, j) => Sum(d, a => k[a, i] * k[a, j]) / d);
        }

        var tau = r.Select((matrix, axis) => Sum(_sizes[axis], i => matrix[i, i]) / _sizes[axis]).ToArray();
        for (var axis = 0; axis < _sizes.Length; axis++)
        {
            var (k, m, d, at) = (_k[axis], _m[axis], _sizes[axis], axis);
            var others = 1.0;
            for (var other = 0; other < _sizes.Length; other++)
            {
                others *= other == at ? 1 : tau[other];
            }

            var outer = Outer(at, x);
            var delta = Fill(d, (i, j) =>
                (_options.Damping / 2 * others * gradient.Length * r[at][i, j]) + (d / 2.0 * outer[i, j]) - (i == j ? 0.5 : 0));
            if (d > _options.LargestDenseAxis)
            {
                var isDiagonal = _options.LargeAxes == LargeAxisFactor.Diagonal;
                delta = Fill(d, (i, j) => i == j && isDiagonal ? delta[i, j] : 0);
            }

            _m[at] = Fill(d, (i, j) => (_options.FactorMomentum * m[i, j]) + ((1 - _options.FactorMomentum) * delta[i, j]));
            var norm = Math.Sqrt(Sum(d, i => Sum(d, j => _m[at][i, j] * _m[at][i, j])));
            _k[at] = Fill(d, (i, j) => k[i, j] - (_options.FactorStep / Math.Max(1, norm) * Sum(d, a => k[i, a] * _m[at][a, j])));
        }
    }

    // Σ over all other positions of x[.., i, ..] x[.., j, ..].
    private double[,] Outer(int axis, double[] x)
    {
        var (before, after) = Around(axis);
        var d = _sizes[axis];
        return Fill(d, (i, j) => Sum(before, p => Sum(after, q => x[(((p * d) + i) * after) + q] * x[(((p * d) + j) * after) + q])));
    }

    // y[.., i, ..] = Σ_j a[i, j] x[.., j, ..].
    private double[] Along(int axis, double[,] a, double[] x)
    {
        var (before, after) = Around(axis);
        var d = _sizes[axis];
        var y = new double[x.Length];
        for (var p = 0; p < before; p++)
        {
            for (var i = 0; i < d; i++)
            {
                for (var q = 0; q < after; q++)
                {
                    y[(((p * d) + i) * after) + q] = Sum(d, j => a[i, j] * x[(((p * d) + j) * after) + q]);
                }
            }
        }

        return y;
    }

    private (int Before, int After) Around(int axis) =>
        (_sizes[..axis].Aggregate(1, (product, size) => product * size), _sizes[(axis + 1)..].Aggregate(1, (product, size) => product * size));

    private static double[,] Fill(int size, Func<int, int, double> entry)
    {
        var result = new double[size, size];
        for (var i = 0; i < size; i++)
        {
            for (var j = 0; j < size; j++)
            {
                result[i, j] = entry(i, j);
            }
        }

        return result;
    }

    private static double Sum(int count, Func<int, double> term) => Enumerable.Range(0, count).Sum(term);
}
