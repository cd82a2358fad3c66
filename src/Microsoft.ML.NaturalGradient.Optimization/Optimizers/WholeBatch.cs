using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>A batch that goes through the network in one pass, whose graph is kept for the gradients that are asked for.</summary>
/// <param name="forward">Computes the logits; called again when those at other parameters are asked for.</param>
/// <param name="sampleCount">Samples N.</param>
/// <param name="tape">Records the layers for per-sample gradients, and belongs to this object; null where none will be asked for.</param>
/// <param name="randomness">Source of dropout masks, drawn anew as in the first pass when the pass is repeated; null where there is none.</param>
/// <param name="allowsSingleSamples">Whether per-sample gradients may come from one backward pass for each sample where a layer did not record; else that is an error.</param>
internal sealed class WholeBatch(Func<Tensor> forward, long sampleCount, GradientTape? tape, Generator? randomness, bool allowsSingleSamples) : IBatchPasses
{
    private readonly ForwardPart _pass = new(new ReplayableForward(forward, randomness), 0, sampleCount);
    private Tensor? _logits; // the evaluation's
    private bool _ignoresRecords;
    private List<CapturedGradients>? _jacobian;

    /// <inheritdoc/>
    public IReadOnlyList<Parameter> Trained { get; set; } = [];

    /// <inheritdoc/>
    public ParameterSet? Coordinates { get; set; }

    /// <inheritdoc/>
    public bool KeepsGraph { get; set; }

    /// <summary>Samples N.</summary>
    public long SampleCount => sampleCount;

    /// <summary>The logits of the first pass, in the graph.</summary>
    public Tensor Logits => _logits ?? throw new InvalidOperationException("The first pass is still to come.");

    /// <summary>Whether per-sample gradients come from what the layers recorded.</summary>
    public bool UsesRecords => tape is not null && !_ignoresRecords && tape.Covers(Trained);

    /// <inheritdoc/>
    public Tensor FirstForward()
    {
        using var recording = tape?.Start();
        return _logits = _pass.Forward.First();
    }

    /// <inheritdoc/>
    public Tensor RepeatForward() => _pass.Forward.Again();

    /// <inheritdoc/>
    public Tensor[] PullBack(Tensor seeds, IReadOnlyList<Tensor> parameters, bool keepGraph)
    {
        using var scope = NewDisposeScope();
        autograd.backward([Logits], [seeds.to(Logits.dtype)], keepGraph || KeepsGraph, false, [.. parameters]);
        return [.. parameters.Select(parameter => parameter.TakeGradient().In(Coordinates, parameter).MoveToOuterDisposeScope())];
    }

    /// <summary>As <see cref="BatchEvaluation.Capture"/>.</summary>
    public CapturedGradients Capture(Tensor seeds, bool keepGraph)
    {
        using var scope = NewDisposeScope();
        if (_jacobian is not null)
        {
            return CapturedGradients.Mix(_jacobian, seeds.flatten(1)).In(Coordinates);
        }

        var recorded = tape ?? throw new InvalidOperationException("The forward pass was not recorded for per-sample gradients.");
        var typed = seeds.to(Logits.dtype);
        if (UsesRecords)
        {
            return recorded.Capture(Logits, typed, keepGraph || KeepsGraph).In(Coordinates);
        }

        if (!allowsSingleSamples)
        {
            recorded.CheckCovers(Trained);
        }

        return LoopedCapture.Run(Logits, typed, Trained, keepGraph || KeepsGraph).In(Coordinates);
    }

    /// <inheritdoc/>
    public IPerSampleGradients PerSample(Tensor seeds, bool keepGraph) => Capture(seeds, keepGraph);

    /// <inheritdoc/>
    public void ForEachCapture(Tensor seeds, bool keepGraph, Action<CapturedGradients, ForwardPart> use)
    {
        using var captured = Capture(seeds, keepGraph);
        use(captured, _pass);
    }

    /// <inheritdoc/>
    public IReadOnlyList<IPerSampleGradients>? ShareJacobian(long mostBytes)
    {
        var count = Logits.numel() / SampleCount;
        if (_jacobian is not null || tape is null || !UsesRecords || count * tape.ByteCount > mostBytes)
        {
            return _jacobian;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _jacobian = [];
        for (var k = 0L; k < count; k++)
        {
            var seeds = zeros(SampleCount, count, dtype: Logits.dtype, device: Logits.device);
            seeds.select(1, k).copy_(ones_like(seeds.select(1, k)));
            _jacobian.Add(tape.Capture(Logits, seeds.view(Logits.shape), keepGraph: true));
        }

        return _jacobian;
    }

    /// <summary>As <see cref="BatchEvaluation.CheckRecords"/>.</summary>
    public void CheckRecords(IDictionary<string, bool> known)
    {
        if (tape is null || !UsesRecords)
        {
            return;
        }

        if (!known.TryGetValue(tape.Shapes, out var agrees))
        {
            agrees = RecordCheck.Agrees(this, tape);
            known.Add(tape.Shapes, agrees);
        }

        _ignoresRecords = !agrees;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _jacobian?.ForEach(captured => captured.Dispose());
        tape?.Dispose();
        _pass.Forward.Dispose();
    }
}
