using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The running averages H and S of one layer.</summary>
/// <remarks>
/// Reference: x̂ = (x − min)/(max − min + 1E-6), X ← (γ/10) X + (γ/100) x̂ from X = 1. Ema: x̂ = (x − min + εm)/(max − min + εm) with m = max |x|,
/// ε = 1E-6, and X ← γX + (1 − γ)x̂, corrected for its start at zero; so a layer of equal entries, or of small ones, is not taken for one without
/// curvature. Scale and shift have H = 1 and an S each in Ema; of a layer normalisation in Reference, H has two entries from the squared sums
/// of the layer's input over all axes but the second, divided by the squared number of what was summed, as in the released code.
/// </remarks>
internal sealed class AdaFisherBlock
{
    private const double RangeFloor = 1e-6;
    private const double Tiny = 1e-300;

    private readonly AdaFisherOptions _options;
    private readonly Tensor? _input; // H, [I]
    private readonly Tensor[] _errors; // S, [O]; one for each parameter of a scale and shift in Ema
    private readonly Tensor? _weight; // 1 − γ^t of Ema

    /// <summary>Creates the averages.</summary>
    /// <param name="source">The layer, for the shapes only.</param>
    /// <param name="options">Variant, decay and damping.</param>
    /// <param name="track">Takes over a tensor of the state, by name.</param>
    public AdaFisherBlock(AdaFisherSource source, AdaFisherOptions options, Func<string, Tensor, Tensor> track)
    {
        _options = options;
        Parameters = source.Parameters;
        var (input, errors) = Squares(source, null);
        _input = input is null ? null : track("input", Start(input));
        _errors = [.. errors.Select((error, i) => track($"error-{i}", Start(error)))];
        _weight = options.IsReference ? null : track("weight", zeros([], dtype: ScalarType.Float64));
    }

    /// <summary>The layer's parameters, the weight or scale first.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Handle of the first parameter.</summary>
    public IntPtr Handle => Parameters[0].Handle;

    /// <summary>H, [I], before any correction; null where it is 1.</summary>
    internal Tensor? InputFactor => _input;

    /// <summary>S, [O], before any correction, one for each parameter or one for all.</summary>
    internal IReadOnlyList<Tensor> ErrorFactors => _errors;

    /// <summary>Whether the state may have a part of this name.</summary>
    public static bool IsPart(string name) => name.Split('.')[0] is "input" or "weight" || name.StartsWith("error-", StringComparison.Ordinal);

    /// <summary>Takes a batch into the averages.</summary>
    /// <param name="source">The layer; its errors are multiplied by the roots of the weights.</param>
    /// <param name="weights">How often each row counts.</param>
    public void Update(AdaFisherSource source, RowWeights weights)
    {
        using var scope = NewDisposeScope();
        var (input, errors) = Squares(source, weights);
        if (input is not null)
        {
            Blend(_input!, input);
        }

        for (var i = 0; i < _errors.Length; i++)
        {
            Blend(_errors[i], errors[i]);
        }

        if (_weight is not null)
        {
            _weight.ScaleInPlace(_options.ResolvedFactorDecay);
            _weight.copy_(_weight.Plus(1 - _options.ResolvedFactorDecay));
        }
    }

    /// <summary>Computes F = H ⊗ S + λ.</summary>
    /// <returns>F for each parameter, in its shape; in the caller's dispose scope.</returns>
    public IEnumerable<(Parameter Parameter, Tensor Fisher)> Fisher()
    {
        var correction = _weight is null ? 1 : 1 / _weight.item<double>();
        if (_input is null)
        {
            return [.. Parameters.Select((parameter, i) => (parameter, _errors[i].Times(correction).Plus(_options.ResolvedDamping)))];
        }

        var fisher = _errors[0].Times(correction).outer(_input.Times(correction)).Plus(_options.ResolvedDamping); // [O, I]
        return [.. Parameters.Select((parameter, i) => (parameter, Part(fisher, parameter, i)))];
    }

    // A bias or shift is the last column, the weight the columns before it; a vector alone is the first.
    private Tensor Part(Tensor fisher, Parameter parameter, int i) =>
        i == 1 ? fisher.select(1, -1)
            : parameter.dim() == 1 ? fisher.select(1, 0)
            : fisher.narrow(1, 0, fisher.shape[1] - (Parameters.Count - 1)).reshape(parameter.shape);

    private (Tensor? Input, Tensor[] Errors) Squares(AdaFisherSource source, RowWeights? weights)
    {
        // The mean over all positions of all rows, each counted as often as its weight says.
        Tensor MeanSquare(Tensor rows) => weights is null ? rows.Square().mean([0L]) : rows.Square().sum(0L).Times(weights.Count / (weights.Sum * rows.shape[0]));

        if (source.Map is { } map)
        {
            var (inputs, errors) = map.Rows(reduce: false);
            return (MeanSquare(weights?.TimesRoots(inputs) ?? inputs), [MeanSquare(errors)]);
        }

        if (!_options.IsReference)
        {
            return (null, [.. source.Diagonal!.Select(MeanSquare)]);
        }

        var (layerInput, error) = (source.LayerInput!, source.Error!);
        var channels = layerInput.shape[1];
        var summed = (weights?.Times(layerInput) ?? layerInput).transpose(0, 1).reshape(channels, -1).sum(1); // over all axes but the second
        var perSample = layerInput.numel() / (layerInput.shape[0] * channels);
        var scale = 1.0 / ((double)perSample * perSample);
        var samples = weights?.Sum ?? layerInput.shape[0];
        var sums = stack([summed.Times(scale), ones_like(summed)], 1).Square().sum(0L).Times(1 / (samples * samples)); // [2]
        var errorSums = (weights?.TimesRoots(error) ?? error).reshape(-1, error.shape[^1]).sum(0L); // [D]
        return (sums, [errorSums.Square().Times(1 / samples)]);
    }

    private Tensor Start(Tensor like) => _options.IsReference ? ones_like(like) : zeros_like(like);

    private void Blend(Tensor average, Tensor value)
    {
        var decay = _options.ResolvedFactorDecay;
        average.ScaleInPlace(_options.IsReference ? decay / 10 : decay);
        average.AddInPlace(Normalized(value), _options.IsReference ? decay / 100 : 1 - decay);
    }

    private Tensor Normalized(Tensor value)
    {
        if (_options.IsReference)
        {
            var finite = value.where(value.isposinf().logical_not(), ones_like(value));
            finite = finite.where(finite.isneginf().logical_not(), zeros_like(finite));
            return finite.Minus(finite.min()).div(finite.max().Minus(finite.min()).Plus(RangeFloor));
        }

        var typed = value.to(ScalarType.Float64);
        var floor = typed.abs().max().Times(RangeFloor).Plus(Tiny);
        return typed.Minus(typed.min()).Plus(floor).div(typed.max().Minus(typed.min()).Plus(floor)).to(value.dtype);
    }
}
