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
internal sealed class AdaFisherBlock : IDisposable
{
    private const double RangeFloor = 1e-6;
    private const double Tiny = 1e-300;
    private const string Partner = "partner";

    private readonly AdaFisherOptions _options;
    private readonly Tensor? _input; // H, [I]
    private readonly Tensor[] _errors; // S, [O]; one for each parameter of a scale and shift in Ema
    private readonly Tensor? _weight; // 1 − γ^t of Ema
    private readonly Tensor _partner; // which of the trained parameters is the layer's second; -1 for none
    private readonly bool _isReferenceNorm;
    private (Tensor? Input, Tensor[] Errors)? _batch; // what rows have contributed since the last update
    private double _samples; // in the batch, or the sum of their weights

    /// <summary>Creates the averages.</summary>
    /// <param name="source">The layer, for the shapes only.</param>
    /// <param name="set">The trained parameters.</param>
    /// <param name="options">Variant, decay and damping.</param>
    /// <param name="track">Takes over a tensor of the state, by name.</param>
    public AdaFisherBlock(AdaFisherSource source, ParameterSet set, AdaFisherOptions options, Func<string, Tensor, Tensor> track)
    {
        _options = options;
        Parameters = source.Parameters;
        _isReferenceNorm = options.IsReference && source.Map is null;
        var (input, errors) = Squares(Sums(source, null), samples: 1);
        _input = input is null ? null : track(NameOf("input", set), Start(input));
        _errors = [.. errors.Select((error, i) => track(NameOf(FormattableString.Invariant($"error-{i}"), set), Start(error)))];
        _weight = options.IsReference ? null : track(NameOf("weight", set), zeros([], dtype: ScalarType.Float64));
        var partner = Parameters.Count > 1 ? set.TakeWhile(parameter => !ReferenceEquals(parameter, Parameters[1])).Count() : -1L;
        _partner = track(NameOf(Partner, set), tensor(partner, dtype: ScalarType.Int64, device: CPU));
    }

    /// <summary>Creates averages of the shapes that a saved state has.</summary>
    /// <param name="state">The state, of which <see cref="IsKept"/> holds.</param>
    /// <param name="set">The trained parameters.</param>
    /// <param name="first">The layer's first parameter.</param>
    /// <param name="options">Variant, decay and damping.</param>
    /// <param name="track">Takes over a tensor of the state, by name, and gives it its saved value.</param>
    public AdaFisherBlock(OptimizerState state, ParameterSet set, Parameter first, AdaFisherOptions options, Func<string, Tensor, Tensor> track)
    {
        _options = options;
        var partner = (int)state.Values[NameOf(Partner, set, first)].item<long>();
        Parameters = partner < 0 ? [first] : [first, set[partner]];
        _input = Restored("input");
        _isReferenceNorm = options.IsReference && first.dim() == 1 && _input!.shape[0] > 1; // the input of a bias alone is a one
        _errors = [.. Enumerable.Range(0, Parameters.Count).Select(i => Restored(FormattableString.Invariant($"error-{i}"))).OfType<Tensor>()];
        _weight = Restored("weight");
        _partner = Restored(Partner)!;

        Tensor? Restored(string name)
        {
            name = NameOf(name, set, first);
            return state.Values.TryGetValue(name, out var saved)
                ? track(name, zeros(saved.shape, saved.dtype, saved.dim() == 0 ? saved.device : first.device))
                : null;
        }
    }

    /// <summary>The layer's parameters, the weight or scale first.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>H, [I], before any correction; null where it is 1.</summary>
    internal Tensor? InputFactor => _input;

    /// <summary>S, [O], before any correction, one for each parameter or one for all.</summary>
    internal IReadOnlyList<Tensor> ErrorFactors => _errors;

    /// <summary>Whether the state may have a part of this name.</summary>
    public static bool IsPart(string name) => name.Split('.')[0] is "input" or "weight" or Partner || name.StartsWith("error-", StringComparison.Ordinal);

    /// <summary>Whether a state has the averages of the layer whose first parameter this is.</summary>
    public static bool IsKept(OptimizerState state, ParameterSet set, Parameter first) =>
        state.Values.TryGetValue(NameOf(Partner, set, first), out var partner) && partner.dim() == 0 && partner.item<long>() < set.Count
        && state.Values.ContainsKey(NameOf("error-0", set, first));

    /// <summary>Adds what some rows of a batch contribute.</summary>
    /// <param name="source">The layer; its errors are multiplied by the roots of the weights.</param>
    /// <param name="weights">How often each row counts, as a part of the weights of the batch.</param>
    public void Add(AdaFisherSource source, RowWeights weights)
    {
        using var scope = NewDisposeScope();
        var (input, errors) = Sums(source, weights);
        _samples = weights.Sum;
        if (_batch is not { } batch)
        {
            _batch = (input?.DetachFromDisposeScope(), [.. errors.Select(error => error.DetachFromDisposeScope())]);
            return;
        }

        batch.Input?.AddInPlace(input!);
        for (var i = 0; i < errors.Length; i++)
        {
            batch.Errors[i].AddInPlace(errors[i]);
        }
    }

    /// <summary>What rows have contributed since the last update, added up.</summary>
    public IEnumerable<Tensor> BatchSums => _batch is not { } batch ? [] : batch.Input is null ? batch.Errors : [batch.Input, .. batch.Errors];

    /// <summary>Takes the batch that was added into the averages.</summary>
    public void Update()
    {
        using var scope = NewDisposeScope();
        var batch = _batch!.Value;
        var (input, errors) = Squares(batch, _samples);
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

        batch.Input?.Dispose();
        Array.ForEach(batch.Errors, error => error.Dispose());
        _batch = null;
    }

    /// <summary>Frees the averages; only for an object whose tensors nobody else keeps.</summary>
    public void Dispose()
    {
        _input?.Dispose();
        Array.ForEach(_errors, error => error.Dispose());
        _weight?.Dispose();
        _partner.Dispose();
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

    // What is added up over the rows of a batch: squares, but in the reference the numbers of a layer normalisation, which are squared afterwards.
    private (Tensor? Input, Tensor[] Errors) Sums(AdaFisherSource source, RowWeights? weights)
    {
        // The mean over all positions of all rows, each counted as often as its weight says.
        Tensor MeanSquare(Tensor rows) => rows.Square().sum(0L).Times((weights?.Count ?? 1) / ((weights?.Sum ?? 1) * rows.shape[0]));

        if (source.Map is { } map)
        {
            var (inputs, errors) = map.Rows(reduce: false);
            return (MeanSquare(weights?.TimesRoots(inputs) ?? inputs), [MeanSquare(errors)]);
        }

        if (!_isReferenceNorm)
        {
            return (null, [.. source.Diagonal!.Select(MeanSquare)]);
        }

        var (layerInput, error) = (source.LayerInput!, source.Error!);
        var (channels, samples) = (layerInput.shape[1], weights?.Sum ?? layerInput.shape[0]);
        var summed = (weights?.Times(layerInput) ?? layerInput).transpose(0, 1).reshape(channels, -1).sum(1); // over all axes but the second
        var perSample = layerInput.numel() / (layerInput.shape[0] * channels);
        var errorSums = (weights?.TimesRoots(error) ?? error).reshape(-1, error.shape[^1]).sum(0L); // [D]
        return (summed.Times(1 / (samples * perSample * perSample)), [errorSums.Times(1 / Math.Sqrt(samples))]);
    }

    private (Tensor? Input, Tensor[] Errors) Squares((Tensor? Input, Tensor[] Errors) sums, double samples) => _isReferenceNorm
        ? (stack([sums.Input!, sums.Input!.FilledWith(1 / samples)], 1).Square().sum(0L), [sums.Errors[0].Square()]) // [2], [D]
        : sums;

    private string NameOf(string part, ParameterSet set) => NameOf(part, set, Parameters[0]);

    private static string NameOf(string part, ParameterSet set, Parameter first) => $"{part}.{set.NameOf(first)}";

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
