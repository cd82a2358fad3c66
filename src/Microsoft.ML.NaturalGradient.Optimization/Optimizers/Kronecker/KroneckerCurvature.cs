using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The block-diagonal Fisher matrix as running averages over batches: a Kronecker product for each linear map, c·I for the rest.</summary>
/// <remarks>
/// Factors are averages over samples, so that batches of different sizes mix; λ̄ = δ·tr F̄/N with the relative damping δ is the sum-loss
/// damping λ = δ·tr F̄ divided by N, like the gradient.
/// </remarks>
internal sealed class KroneckerCurvature
{
    private static readonly string[] Parts =
        ["input", "error", "input-inverse", "error-inverse", "input-values", "error-values", "largest", "trace", "weight", "damping"];

    private readonly KroneckerOptions _options;
    private readonly List<KroneckerBlock> _blocks;
    private readonly List<Scalar> _scalars;
    private double _weight; // 1 − ρ^t, what the running averages sum to
    private double _damping; // λ̄ of the last inversion

    /// <summary>Creates the running averages at zero.</summary>
    /// <param name="parameters">The parameters that are trained.</param>
    /// <param name="options">Damping and decay.</param>
    /// <param name="estimate">A first batch, for the shapes only.</param>
    /// <param name="trackTensor">Takes over a tensor of the state, by name.</param>
    /// <param name="trackNumber">Takes over a number of the state, by name.</param>
    public KroneckerCurvature(
        ParameterSet parameters,
        KroneckerOptions options,
        KroneckerEstimate estimate,
        Func<string, Tensor, Tensor> trackTensor,
        Action<string, Func<double>, Action<double>> trackNumber)
    {
        _options = options;
        _blocks = [.. estimate.Blocks.Where(block => block.Map.Parameters.Any(parameters.Contains)).Select(block =>
            new KroneckerBlock(block, options.DampingForm, (name, value) =>
                trackTensor($"{name}.{parameters.NameOf(block.Map.Parameters.First())}", value)))];
        _scalars = [.. estimate.Others.Where(rest => parameters.Contains(rest.Parameter)).Select(rest => new Scalar(rest.Parameter))];
        foreach (var scalar in _scalars)
        {
            trackNumber($"largest.{parameters.NameOf(scalar.Parameter)}", () => scalar.Largest, value => scalar.Largest = value);
            trackNumber($"trace.{parameters.NameOf(scalar.Parameter)}", () => scalar.Trace, value => scalar.Trace = value);
        }

        trackNumber("weight", () => _weight, value => _weight = value);
        trackNumber("damping", () => _damping, value => _damping = value);
    }

    /// <summary>Whether the state may have a part of this name.</summary>
    public static bool IsPart(string name) => Parts.Contains(name.Split('.')[0]);

    /// <summary>Takes a batch into the averages: X ← ρX + (1 − ρ)X_batch.</summary>
    public void Update(KroneckerEstimate estimate)
    {
        var decay = _options.FactorDecay;
        var factors = estimate.Blocks.ToDictionary(block => block.Map.Parameters.First(), SameParameter.Comparer);
        _blocks.ForEach(block => block.Update(factors[block.Key], decay));
        var others = estimate.Others.ToDictionary(rest => rest.Parameter, SameParameter.Comparer);
        foreach (var scalar in _scalars)
        {
            var rest = others[scalar.Parameter];
            scalar.Largest = (decay * scalar.Largest) + ((1 - decay) * rest.Largest);
            scalar.Trace = (decay * scalar.Trace) + ((1 - decay) * rest.Trace);
        }

        _weight = (decay * _weight) + 1 - decay;
    }

    /// <summary>Inverts the damped factors.</summary>
    /// <param name="sampleCount">Samples N in the batch, or the sum of their weights, which the damping is divided by.</param>
    public void Invert(double sampleCount)
    {
        var trace = _blocks.Sum(block => block.Trace(_weight)) + _scalars.Sum(scalar => scalar.Trace / _weight);
        _damping = _options.Damping * trace / sampleCount;
        if (_damping >= SingleRange.SmallestDamping)
        {
            _blocks.ForEach(block => block.Invert(_weight, _damping));
        }
    }

    /// <summary>Computes (F̄ + λ̄I)⁻¹ g.</summary>
    /// <param name="gradient">The gradient of the mean loss, by parameter; taken over.</param>
    /// <returns>The direction, keyed likewise; in the caller's dispose scope.</returns>
    public ParameterVector Precondition(ParameterVector gradient)
    {
        if (!(_damping >= SingleRange.SmallestDamping))
        {
            return gradient; // every gradient seen so far is zero, or as good as that
        }

        _blocks.ForEach(block => block.Precondition(gradient, _damping));
        _scalars.ForEach(scalar => gradient[scalar.Parameter] = gradient[scalar.Parameter].Times(1 / ((scalar.Largest / _weight) + _damping)));
        return gradient;
    }

    /// <summary>The averages of a block c·I.</summary>
    private sealed class Scalar(Parameter parameter)
    {
        public Parameter Parameter { get; } = parameter;

        public double Largest { get; set; }

        public double Trace { get; set; }
    }
}
