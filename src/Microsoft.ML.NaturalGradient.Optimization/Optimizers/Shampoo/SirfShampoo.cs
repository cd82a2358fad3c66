using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Inverse-free, root-free Shampoo on the mean loss of B samples.</summary>
/// <remarks>
/// For every axis a of length d_a: X = √B g with K_aᵀ/√d_a applied on each axis, R_a = K_aᵀK_a/d_a, τ_a = mean diagonal of R_a;
/// Δ_a = (λ/2)(∏_{b≠a} τ_b)(∏ d_b) R_a + (d_a/2) X_a X_aᵀ − I/2, all with the old K; M_a ← α₂M_a + (1−α₂)Δ_a;
/// K_a ← K_a − β₂/max(1, ‖M_a‖) K_a M_a. Then U = g with K_a K_aᵀ applied on each axis, U ← U + κθ, m ← α₁m + U, θ ← θ − ηm.
/// Lin et al., ICML 2024. Axes of length 1 are left out. State P + 2 Σ d_a², 2 d_a for a diagonal factor.
/// </remarks>
internal sealed class SirfShampoo : MeanGradientOptimizer
{
    private readonly SirfShampooOptions _options;
    private readonly ShampooFactor[][] _factors; // for each parameter, for each axis
    private readonly Tensor[]? _momentum;
    private long _steps;

    public SirfShampoo(IReadOnlyList<Parameter> parameters, SirfShampooOptions options)
        : base(parameters, options)
    {
        _options = options;
        _factors = [.. parameters.Select(parameter => Axes(parameter).Select((size, axis) => CreateFactor(parameter, size, axis)).ToArray())];
        _momentum = options.Momentum > 0 ? TrackLikeParameters("momentum") : null;
        Track("steps", () => _steps, value => _steps = (long)value);
    }

    private protected override void Move(IReadOnlyList<Tensor> gradients, double sampleCount, double learningRate)
    {
        var updatesFactors = _steps++ % _options.FactorInterval == 0;
        for (var i = 0; i < Parameters.Count; i++)
        {
            var gradient = gradients[i].reshape(Axes(Parameters[i]));
            if (updatesFactors)
            {
                UpdateFactors(_factors[i], gradient, sampleCount);
            }

            var direction = OnEachAxis(_factors[i], gradient, (factor, rows) => factor.Precondition(rows)).reshape(Parameters[i].shape); // U
            if (DecayOf(i, _options.WeightDecay) is > 0 and var decay)
            {
                direction = direction.Plus(Parameters[i].Times(decay));
            }

            Shift(i, Accumulate(_momentum?[i], _options.Momentum, direction), -learningRate);
        }
    }

    private void UpdateFactors(ShampooFactor[] factors, Tensor gradient, double sampleCount)
    {
        var whitened = OnEachAxis(factors, gradient.Times(Math.Sqrt(sampleCount)), (factor, rows) => factor.Whiten(rows)); // X
        var traces = Array.ConvertAll(factors, factor => factor.MeanDiagonal()); // τ
        for (var axis = 0; axis < factors.Length; axis++)
        {
            var others = traces.Where((_, other) => other != axis).Aggregate(1.0, (product, trace) => product * trace);
            var rows = whitened.transpose(0, axis).reshape(gradient.shape[axis], -1); // [d, P/d]
            factors[axis].Update(rows, _options.Damping / 2 * others * gradient.numel(), _options.FactorStep, _options.FactorMomentum);
        }
    }

    private ShampooFactor CreateFactor(Parameter parameter, long size, int axis)
    {
        if (size <= _options.LargestDenseAxis)
        {
            return new DenseShampooFactor(
                Keep("factor", eye(size, dtype: parameter.WideType(), device: parameter.device)),
                Keep("change", zeros(size, size, dtype: parameter.WideType(), device: parameter.device)));
        }

        return _options.LargeAxes == LargeAxisFactor.None
            ? new IdentityShampooFactor(size)
            : new DiagonalShampooFactor(
                Keep("factor", ones(size, dtype: parameter.WideType(), device: parameter.device)),
                Keep("change", zeros(size, dtype: parameter.WideType(), device: parameter.device)));

        Tensor Keep(string name, Tensor value) => Track(FormattableString.Invariant($"{name}.{Set.NameOf(parameter)}.{axis}"), value);
    }

    // Applies each factor to the rows [d, P/d] of its axis.
    private static Tensor OnEachAxis(ShampooFactor[] factors, Tensor value, Func<ShampooFactor, Tensor, Tensor> apply)
    {
        for (var axis = 0; axis < factors.Length; axis++)
        {
            var turned = value.transpose(0, axis);
            value = apply(factors[axis], turned.reshape(turned.shape[0], -1)).view(turned.shape).transpose(0, axis);
        }

        return value;
    }

    // Lengths of the axes that count: those longer than 1, but at least one.
    private static long[] Axes(Tensor parameter) =>
        parameter.shape.Where(size => size != 1).DefaultIfEmpty(1).ToArray();
}
