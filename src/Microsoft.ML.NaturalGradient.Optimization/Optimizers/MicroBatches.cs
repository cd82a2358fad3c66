using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>A batch that goes through the network in parts, each of which runs forward again, with its dropout masks, where a gradient is asked for.</summary>
/// <remarks>No graph is kept: no more than two parts are in memory at a time.</remarks>
internal sealed class MicroBatches : IMicroBatches, IBatchPasses
{
    private readonly List<ForwardPart> _parts = [];
    private readonly Generator? _randomness;
    private readonly long _mostKeptBytesOfRow;

    /// <summary>Divides a batch.</summary>
    /// <param name="forward">Computes the logits of the rows from one number on, as many as the other says, through layers that record themselves.</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="size">Rows of a part, at least 1; the last may have fewer.</param>
    /// <param name="randomness">Source of dropout masks; null where there is none.</param>
    /// <param name="mostKeptBytesOfRow">Most bytes of the gradient of a row with which those of all parts are kept rather than computed again.</param>
    public MicroBatches(Func<long, long, Tensor> forward, long rows, long size, Generator? randomness, long mostKeptBytesOfRow)
    {
        (_randomness, _mostKeptBytesOfRow) = (randomness, mostKeptBytesOfRow);
        for (long start = 0; start < rows; start += size)
        {
            var (first, count) = (start, Math.Min(size, rows - start));
            _parts.Add(new ForwardPart(new ReplayableForward(() => Forward(first, count), randomness), first, count));
        }

        Tensor Forward(long first, long count)
        {
            using var window = RowWindow.Enter(first, count, rows);
            return forward(first, count);
        }
    }

    /// <inheritdoc/>
    public int Count => _parts.Count;

    /// <inheritdoc/>
    public IReadOnlyList<Parameter> Trained { get; set; } = [];

    /// <inheritdoc/>
    public ParameterSet? Coordinates { get; set; }

    /// <inheritdoc/>
    /// <remarks>Without effect: there is no graph.</remarks>
    public bool KeepsGraph { get; set; }

    /// <inheritdoc/>
    public long Start(int part) => _parts[part].Start;

    /// <inheritdoc/>
    /// <remarks>Each part draws what the whole batch would draw, of which the pass takes what is of its rows (<see cref="RowWindow"/>).</remarks>
    public Tensor FirstForward()
    {
        using var start = _randomness?.get_state();
        return Forward(part =>
        {
            if (start is not null)
            {
                _randomness!.set_state(start);
            }

            return part.First();
        });
    }

    /// <inheritdoc/>
    public Tensor RepeatForward() => Forward(part => part.Again());

    /// <inheritdoc/>
    public Tensor[] PullBack(Tensor seeds, IReadOnlyList<Tensor> parameters)
    {
        using var scope = NewDisposeScope();
        var sums = parameters.Select(parameter => zeros_like(parameter).detach().Wide()).ToArray();
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

    /// <inheritdoc/>
    public Tensor[] PullBack(Tensor seeds, IReadOnlyList<Tensor> parameters, bool keepGraph) => PullBack(seeds, parameters);

    /// <inheritdoc/>
    /// <remarks>They are kept where they take little memory, else computed again where they are needed.</remarks>
    public IPerSampleGradients PerSample(Tensor seeds, bool keepGraph)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var samples = seeds.shape[0];
        if (Trained.Sum(parameter => parameter.numel() * parameter.ElementSize) > _mostKeptBytesOfRow)
        {
            return new RecomputedGradients(this, seeds.clone());
        }

        var rows = Trained.Select(parameter => zeros([samples, .. parameter.shape], parameter.WideType(), parameter.device)).ToList();
        ForEachCapture(seeds, false, (captured, part) =>
        {
            foreach (var (parameter, all) in Trained.Zip(rows))
            {
                part.Of(all).copy_(captured.RowsOf(parameter).view([part.Count, .. parameter.shape]));
            }
        });
        return new CapturedGradients([.. Trained.Zip(rows).Select(pair => ((ParameterUse)new BroadcastUse(pair.First), pair.Second.DetachFromDisposeScope()))]);
    }

    /// <inheritdoc/>
    public void ForEachCapture(Tensor seeds, bool keepGraph, Action<CapturedGradients, ForwardPart> use)
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
