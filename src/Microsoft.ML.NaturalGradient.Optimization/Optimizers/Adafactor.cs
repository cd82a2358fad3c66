using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Adafactor on the mean loss.</summary>
/// <remarks>
/// ρ = η, times min(0.01, t^−½) for relative steps and max(ε₂, RMS(θ)) for scaled ones; β̂ = 1 − t^−c; V ← β̂V + (1−β̂)(g² + ε₁), for
/// matrices as row means R and column means C with V ≈ R Cᵀ / mean(R); X = g/√V; X ← ρ X / max(1, RMS(X)/d); M ← β₁M + (1−β₁)X;
/// θ ← θ(1 − ρκ) − M. Shazeer and Stern, ICML 2018, algorithms 4 to 6. State: I + O numbers for a matrix [O, I], P for vectors, P more
/// with β₁ &gt; 0.
/// </remarks>
internal sealed class Adafactor : MeanGradientOptimizer
{
    private const double LargestRelativeStep = 1e-2;
    private const double WarmupSlope = 1e-6;

    private readonly AdafactorOptions _options;
    private readonly SecondMoment[] _moments;
    private readonly Tensor[]? _means;
    private long _steps;

    public Adafactor(IReadOnlyList<Parameter> parameters, AdafactorOptions options)
        : base(parameters, options)
    {
        _options = options;
        _moments = [.. parameters.Select(CreateMoment)];
        _means = options.Beta1 > 0 ? TrackLikeParameters("mean") : null;
        Track("steps", () => _steps, value => _steps = (long)value);
    }

    private protected override void Move(IReadOnlyList<Tensor> gradients, double sampleCount, double learningRate)
    {
        _steps++;
        var decay = 1 - Math.Pow(_steps, -_options.DecayExponent); // β̂
        var relative = Math.Min(_options.WarmupInit ? WarmupSlope * _steps : LargestRelativeStep, 1 / Math.Sqrt(_steps));
        var common = _options.RelativeStep ? learningRate * relative : learningRate;
        for (var i = 0; i < Parameters.Count; i++)
        {
            var rate = _options.ScaleParameter ? common * Math.Max(_options.SmallestScale, Parameters[i].Rms()) : common; // ρ
            var update = _moments[i].Whiten(gradients[i], decay, _options.Epsilon); // X
            update.ScaleInPlace(rate / Math.Max(1, update.Rms() / _options.ClipThreshold));
            if (_means is not null)
            {
                _means[i].AverageInPlace(update, _options.Beta1);
                update = _means[i];
            }

            Shrink(i, rate * _options.WeightDecay);
            Shift(i, update, -1);
        }
    }

    private SecondMoment CreateMoment(Parameter parameter)
    {
        var shape = parameter.shape;
        return shape.Length < 2
            ? new SecondMoment(Zeros("square", shape), null)
            : new SecondMoment(Zeros("row", shape[..^1]), Zeros("column", [.. shape[..^2], shape[^1]]));

        Tensor Zeros(string name, long[] size) =>
            Track($"{name}.{Set.NameOf(parameter)}", zeros(size, parameter.WideType(), parameter.device));
    }

    /// <summary>Running mean of squared gradients.</summary>
    /// <param name="rows">Means over the last axis, or all squares where <paramref name="columns"/> is null.</param>
    /// <param name="columns">Means over the last axis but one.</param>
    private sealed class SecondMoment(Tensor rows, Tensor? columns)
    {
        /// <summary>Takes in g² + ε₁ and divides g by the root of the moment.</summary>
        public Tensor Whiten(Tensor gradient, double decay, double epsilon)
        {
            var squares = gradient.Square().Plus(epsilon);
            rows.ScaleInPlace(decay);
            if (columns is null)
            {
                rows.AddInPlace(squares, 1 - decay);
                return gradient.mul(rows.rsqrt());
            }

            rows.AddInPlace(squares.mean([-1L]), 1 - decay); // [..., O]
            columns.ScaleInPlace(decay);
            columns.AddInPlace(squares.mean([-2L]), 1 - decay); // [..., I]
            var scale = rows.div(rows.mean([-1L], keepdim: true)).rsqrt().unsqueeze(-1); // [..., O, 1]
            return gradient.mul(scale).mul(columns.rsqrt().unsqueeze(-2));
        }
    }
}
