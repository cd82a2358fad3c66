using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Processes;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>A batch whose rows are shared out to processes: each runs its own rows through the network, and all get the logits, sums and products of all rows.</summary>
/// <remarks>A process without rows runs one that does not count: nothing is sent back for it, and no result has it.</remarks>
/// <param name="own">This process's rows, evaluated; owned by this object.</param>
/// <param name="labels">Their labels, owned likewise.</param>
/// <param name="group">The processes.</param>
/// <param name="rows">Rows N of the batch.</param>
internal sealed class BatchShard(BatchEvaluation own, Tensor labels, ProcessGroup group, long rows) : IBatchPasses
{
    private readonly RowShare _share = group.Share(rows);
    private IReadOnlyList<IPerSampleGradients>? _jacobian;

    /// <inheritdoc/>
    public bool IsEmpty => _share.Count == 0;

    /// <inheritdoc/>
    public IReadOnlyList<Parameter> Trained
    {
        get => own.Trained;
        set => own.Trained = value;
    }

    /// <inheritdoc/>
    public ParameterSet? Coordinates
    {
        get => own.Coordinates;
        set => own.Coordinates = value;
    }

    /// <inheritdoc/>
    public bool KeepsGraph
    {
        get => own.KeepsGraph;
        set => own.KeepsGraph = value;
    }

    /// <inheritdoc/>
    public Tensor FirstForward() => Gather(own.Logits);

    /// <inheritdoc/>
    public Tensor RepeatForward()
    {
        using var scope = NewDisposeScope();
        return Gather(own.RepeatForward()).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor[] PullBack(Tensor seeds, IReadOnlyList<Tensor> parameters, bool keepGraph)
    {
        using var scope = NewDisposeScope();
        var sums = own.PullBack(Own(seeds), parameters, keepGraph);
        group.AllReduce(sums);
        return [.. sums.Select(sum => sum.MoveToOuterDisposeScope())];
    }

    /// <inheritdoc/>
    public IPerSampleGradients PerSample(Tensor seeds, bool keepGraph)
    {
        using var scope = NewDisposeScope();
        return new ShardedGradients(own.PerSample(Own(seeds), keepGraph), group, rows);
    }

    /// <inheritdoc/>
    public void ForEachCapture(Tensor seeds, bool keepGraph, Action<CapturedGradients, ForwardPart> use)
    {
        using var scope = NewDisposeScope();
        own.ForEachCapture(Own(seeds), keepGraph, (captured, part) => use(captured, part with { Start = part.Start + (IsEmpty ? 0 : _share.Start) }));
    }

    /// <inheritdoc/>
    public IReadOnlyList<IPerSampleGradients>? ShareJacobian(long mostBytes)
    {
        if (_jacobian is null)
        {
            own.ShareJacobian(mostBytes * own.SampleCount / rows);
            if (!group.Any(own.Jacobian is null))
            {
                _jacobian = [.. own.Jacobian!.Select(captured => new ShardedGradients(captured, group, rows))];
            }
        }

        return _jacobian;
    }

    /// <inheritdoc/>
    public void AllReduce(IEnumerable<Tensor> sums) => group.AllReduce(sums);

    /// <inheritdoc/>
    public void Dispose()
    {
        own.Dispose(); // and its Jacobian
        labels.Dispose();
    }

    private Tensor Gather(Tensor logits) => group.GatherRows(logits.detach().narrow(0, 0, _share.Count), rows);

    private Tensor Own(Tensor seeds) => IsEmpty ? zeros_like(seeds.narrow(0, 0, 1)) : seeds.narrow(0, _share.Start, _share.Count);
}
