using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>A batch that goes through the network in parts, each of which runs forward again, with its dropout masks, where a gradient is asked for.</summary>
/// <remarks>No graph is kept: no more than two parts are in memory at a time.</remarks>
internal sealed class MicroBatches : IMicroBatches, IDisposable
{
    private readonly List<ForwardPart> _parts = [];
    private readonly long _mostKeptBytes;

    /// <summary>Divides a batch.</summary>
    /// <param name="forward">Computes the logits of the rows from one number on, as many as the other says, through layers that record themselves.</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="size">Rows of a part, at least 1; the last may have fewer.</param>
    /// <param name="randomness">Source of dropout masks; null where there is none.</param>
    /// <param name="mostKeptBytes">Most bytes of per-sample gradients of all parts that are kept rather than computed again.</param>
    public MicroBatches(Func<long, long, Tensor> forward, long rows, long size, Generator? randomness, long mostKeptBytes)
    {
        _mostKeptBytes = mostKeptBytes;
        for (long start = 0; start < rows; start += size)
        {
            var (first, count) = (start, Math.Min(size, rows - start));
            _parts.Add(new ForwardPart(new ReplayableForward(() => forward(first, count), randomness), first, count));
        }
    }

    /// <inheritdoc/>
    public int Count => _parts.Count;

    /// <inheritdoc/>
    public IReadOnlyList<Parameter> Trained { get; set; } = [];

    /// <summary>As in <see cref="BatchEvaluation.Coordinates"/>.</summary>
    public ParameterSet? Coordinates { get; set; }

    /// <inheritdoc/>
    public long Start(int part) => _parts[part].Start;

    /// <summary>Runs all parts for the first time.</summary>
    /// <returns>The logits of the batch, outside the graph; in the caller's dispose scope.</returns>
    public Tensor FirstForward() => Forward(part => part.First());

    /// <summary>Runs all parts again with the parameters as they are now.</summary>
    /// <returns>The logits of the batch, outside the graph; in the caller's dispose scope.</returns>
    public Tensor RepeatForward() => Forward(part => part.Again());

    /// <inheritdoc/>
    public Tensor[] PullBack(Tensor seeds, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        var sums = parameters.Select(parameter => zeros_like(parameter).detach()).ToArray();
        foreach (var part in _parts)
        {
            using var partScope = NewDisposeScope();
            using (enable_grad())
            {
                var logits = part.Forward.Again();
                autograd.backward([logits], [part.Of(seeds).to(logits.dtype)], false, false, [.. parameters]);
            }

            for (var i = 0; i < sums.Length; i++)
            {
                sums[i].AddInPlace(parameters[i].TakeGradient().In(Coordinates, parameters[i]));
            }
        }

        return [.. sums.Select(sum => sum.MoveToOuterDisposeScope())];
    }

    /// <summary>Gives the per-sample gradients of all parts: kept where they take little memory, else computed again where they are needed.</summary>
    /// <param name="seeds">Cotangents of the batch, [N, ...].</param>
    /// <returns>The gradients; the caller disposes them before this object.</returns>
    public IPerSampleGradients PerSample(Tensor seeds)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var samples = seeds.shape[0];
        if (samples * Trained.Sum(parameter => parameter.numel() * parameter.ElementSize) > _mostKeptBytes)
        {
            return new RecomputedGradients(this, seeds.clone());
        }

        var rows = Trained.Select(parameter => zeros([samples, .. parameter.shape], parameter.dtype, parameter.device)).ToList();
        ForEachCapture(seeds, (captured, part) =>
        {
            foreach (var (parameter, all) in Trained.Zip(rows))
            {
                part.Of(all).copy_(captured.RowsOf(parameter).view([part.Count, .. parameter.shape]));
            }
        });
        return new CapturedGradients([.. Trained.Zip(rows).Select(pair => ((ParameterUse)new BroadcastUse(pair.First), pair.Second.DetachFromDisposeScope()))]);
    }

    /// <summary>Shows what layers recorded, part by part, each of which is gone afterwards.</summary>
    /// <param name="seeds">Cotangents of the batch, [N, ...].</param>
    /// <param name="use">Takes a capture, and which rows of the batch it is of.</param>
    public void ForEachCapture(Tensor seeds, Action<CapturedGradients, ForwardPart> use)
    {
        for (var i = 0; i < _parts.Count; i++)
        {
            var part = _parts[i];
            Capture(i, seeds, captured => use(captured, part));
        }
    }

    /// <inheritdoc/>
    public void Capture(int part, Tensor seeds, Action<CapturedGradients> use)
    {
        using var scope = NewDisposeScope();
        var rows = _parts[part];
        using var tape = new GradientTape { SampleCount = rows.Count };
        Tensor logits;
        using (enable_grad())
        using (tape.Start())
        {
            logits = rows.Forward.Again();
        }

        tape.CheckCovers(Trained);
        using var captured = tape.Capture(logits, rows.Of(seeds).to(logits.dtype)).In(Coordinates);
        using var noGrad = no_grad();
        use(captured);
    }

    /// <inheritdoc/>
    public void Dispose() => _parts.ForEach(part => part.Forward.Dispose());

    private Tensor Forward(Func<ReplayableForward, Tensor> run)
    {
        using var noGrad = no_grad();
        var logits = new List<Tensor>();
        foreach (var part in _parts)
        {
            using var scope = NewDisposeScope(); // a part's layers are gone before the next one runs
            logits.Add(run(part.Forward).MoveToOuterDisposeScope());
        }

        return cat(logits);
    }
}
