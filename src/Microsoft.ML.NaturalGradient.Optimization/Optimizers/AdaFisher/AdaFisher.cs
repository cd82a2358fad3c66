using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>AdaFisher: the mean gradient's running average, divided by F = H ⊗ S + λ of its layer.</summary>
/// <remarks>
/// g ← ḡ + κθ; m ← βm + (1−β)g; θ ← θ − η (m/(1−βᵗ)) / F, without a root. AdaFisherW leaves g alone: θ ← θ − η ((m/(1−βᵗ))/F + κθ). H holds the
/// mean squares of the layer's inputs, S those of the errors of the mean loss, both scaled to [0, 1] within the layer and averaged over the
/// updates. Gomes et al., ICLR 2025. Parameters without such a form have F = λ + the mean of H ⊗ S over all that have it; with Reference
/// F = 1, as in the released code, and their steps are some 1/λ times smaller. State P + Σ(I + O).
/// </remarks>
internal sealed class AdaFisher : Optimizer, IUpdateDirection
{
    private readonly AdaFisherOptions _options;
    private readonly Tensor[] _means;
    private List<AdaFisherBlock>? _blocks;
    private OptimizerCoverage? _coverage;
    private long _steps;

    public AdaFisher(IReadOnlyList<Parameter> parameters, AdaFisherOptions options)
        : base(parameters)
    {
        _options = options;
        _means = TrackLikeParameters("mean");
        Track("steps", () => _steps, value => _steps = (long)value);
    }

    /// <summary>Whether the pass must be recorded: only where the Fisher matrix is updated.</summary>
    internal override bool NeedsPerSampleGradients => _blocks is null || UpdatesFactors;

    /// <inheritdoc/>
    internal override bool ReadsLayerInputs => true;

    /// <inheritdoc/>
    internal override OptimizerCoverage? Coverage => _coverage;

    private bool UpdatesFactors => _steps % _options.ResolvedFactorInterval == 0;

    /// <summary>The layers' factors; null before the first step.</summary>
    internal IReadOnlyList<AdaFisherBlock>? Blocks => _blocks;

    /// <inheritdoc/>
    public ParameterVector Direction(BatchEvaluation batch)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        batch.Trained = Parameters;
        List<AdaFisherBlock>? blocks = null;
        var gradient = Observe(batch, captured => blocks ??= MakeBlocks(captured, (_, value) => value.DetachFromDisposeScope()));
        var fisher = Fisher(blocks!);
        blocks!.ForEach(block => block.Dispose());
        return new ParameterVector(Set, Set.Zip(gradient, (parameter, part) => part.div(fisher[parameter])).Select((part, i) => part.Times(Set.RateFactor(i))))
            .MoveToOuterDisposeScope();
    }

    private protected override bool IsMadeInFirstStep(string name) => AdaFisherBlock.IsPart(name);

    // So that the first step afterwards records its forward pass where it would have without the interruption, and only there: recorded layers may round differently.
    private protected override void MakeRestored(OptimizerState state)
    {
        if (_blocks is null && _steps > 0)
        {
            _blocks = [.. Set.Where(parameter => AdaFisherBlock.IsKept(state, Set, parameter)).Select(parameter => new AdaFisherBlock(state, Set, parameter, _options, Track))];
        }
    }

    private protected override StepDiagnostics Apply(BatchEvaluation batch, double learningRate)
    {
        using var noGrad = no_grad();
        var gradient = NeedsPerSampleGradients ? Observe(batch, BlocksOf) : batch.MeanGradient(Parameters);
        var fisher = Fisher(_blocks!);
        _steps++;
        var correction = 1 - Math.Pow(_options.Momentum, _steps);
        for (var i = 0; i < Parameters.Count; i++)
        {
            var (parameter, decay, rate) = (Parameters[i], _options.WeightDecay * Set.DecayFactor(i), learningRate * Set.RateFactor(i));
            _means[i].ScaleInPlace(_options.Momentum);
            _means[i].AddInPlace(gradient[i], 1 - _options.Momentum);
            if (_options.DecoupledWeightDecay)
            {
                parameter.ScaleInPlace(1 - (rate * decay));
            }
            else if (decay > 0)
            {
                _means[i].AddInPlace(parameter, (1 - _options.Momentum) * decay);
            }

            parameter.AddInPlace(_means[i].div(fisher[parameter]), -rate / correction);
        }

        return StepDiagnostics.None;
    }

    // The gradient of the mean loss, from the passes that the factors are updated from.
    private Tensor[] Observe(BatchEvaluation batch, Func<CapturedGradients, List<AdaFisherBlock>> blocksOf)
    {
        var gradient = Parameters.Select(parameter => zeros_like(parameter).detach().Wide()).ToArray();
        List<AdaFisherBlock> blocks = [];
        batch.ForEachCapture(MeanSeeds(batch), false, (captured, part) =>
        {
            using var scope = NewDisposeScope();
            CheckCoverage(captured);
            blocks = blocksOf(captured);
            using var rows = batch.WeightsOf(part);
            var sources = AdaFisherSource.Find(captured).ToDictionary(source => source.Parameters[0], SameParameter.Comparer);
            blocks.ForEach(block => block.Add(sources[block.Parameters[0]], rows));
            var sums = captured.Combine(rows.Roots);
            for (var i = 0; i < gradient.Length; i++)
            {
                gradient[i].AddInPlace(sums[Parameters[i]]);
            }
        });
        batch.AllReduce([.. gradient, .. blocks.SelectMany(block => block.BatchSums)]);
        blocks.ForEach(block => block.Update());
        return gradient;
    }

    private List<AdaFisherBlock> BlocksOf(CapturedGradients captured)
    {
        _blocks ??= MakeBlocks(captured, Track);
        _coverage ??= OptimizerCoverage.Of(
            Parameters,
            captured,
            new HashSet<Parameter>(_blocks.SelectMany(block => block.Parameters), SameParameter.Comparer),
            _options.IsReference ? "momentum SGD (F = 1)" : "momentum SGD (F = the mean of the others)");
        return _blocks;
    }

    private static Tensor MeanSeeds(BatchEvaluation batch) => batch.Weights.TimesRoots(batch.LogitGradients).Times(1.0 / batch.Weights.Sum);

    private List<AdaFisherBlock> MakeBlocks(CapturedGradients captured, Func<string, Tensor, Tensor> track)
    {
        // In the order of the parameters, which a restored state has too.
        var sources = AdaFisherSource.Find(captured)
            .Where(source => source.Parameters.All(Set.Contains))
            .Where(source => source.Map is not null || source.LayerInput is not null || !_options.IsReference)
            .ToDictionary(source => source.Parameters[0], SameParameter.Comparer);
        return [.. Set.Where(sources.ContainsKey).Select(parameter => new AdaFisherBlock(sources[parameter], Set, _options, track))];
    }

    // F for every parameter, in the shape of the parameter.
    private ParameterVector Fisher(List<AdaFisherBlock> blocks)
    {
        var known = blocks.SelectMany(block => block.Fisher()).ToList();
        var fisher = new ParameterVector(known.Select(pair => pair.Parameter), known.Select(pair => pair.Fisher));
        var (sum, count) = (fisher.Parts.Sum(value => value.sum().to(ScalarType.Float64).item<double>()), fisher.Parts.Sum(value => value.numel()));
        var rest = _options.IsReference ? 1 : count > 0 ? sum / count : 1 + _options.ResolvedDamping;
        foreach (var parameter in Parameters.Where(parameter => !fisher.Contains(parameter)))
        {
            fisher[parameter] = tensor(rest, dtype: parameter.WideType(), device: parameter.device);
        }

        return fisher;
    }
}
