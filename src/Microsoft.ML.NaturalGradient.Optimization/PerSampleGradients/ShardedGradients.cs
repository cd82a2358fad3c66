using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Processes;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>Per-sample gradients of a batch whose rows are evaluated by several processes: each has those of its own rows, and all get the same results.</summary>
/// <param name="own">Those of the <see cref="RowShare"/> of this process, or of one row that does not count where it is empty; owned by this object.</param>
/// <param name="group">The processes.</param>
/// <param name="rows">Rows N of the batch.</param>
internal sealed class ShardedGradients(IPerSampleGradients own, ProcessGroup group, long rows) : IPerSampleGradients
{
    /// <inheritdoc/>
    public long SampleCount => rows;

    /// <inheritdoc/>
    public IEnumerable<Parameter> Parameters => own.Parameters;

    private RowShare Share => group.Share(rows);

    /// <summary>Computes the inner products between the rows of several of one batch.</summary>
    /// <inheritdoc cref="IPerSampleGradients.JointGram"/>
    public static Tensor JointGram(IReadOnlyList<ShardedGradients> rows, bool isDamped = false) => rows[0].JointGram(rows, isDamped, null);

    /// <inheritdoc/>
    public Tensor GramOf(Parameter parameter) => JointGram([this], false, parameter);

    /// <inheritdoc/>
    /// <remarks>The weights are those of the first process, so that processors that round differently compute one and the same sum.</remarks>
    public ParameterVector Combine(Tensor weights)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var agreed = weights.to(ScalarType.Float64).clone();
        group.Broadcast(agreed);
        var share = Share;
        var sum = own.Combine(share.Count > 0 ? agreed.narrow(0, share.Start, share.Count) : zeros_like(agreed.narrow(0, 0, 1)));
        group.AllReduce(sum.Parts);
        return sum.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor Dot(ParameterVector direction)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return group.GatherRows(own.Dot(direction).narrow(0, 0, Share.Count), rows).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => own.Dispose();

    private IPerSampleGradients Own => own;

    private Tensor JointGram(IReadOnlyList<ShardedGradients> sets, bool isDamped, Parameter? only)
    {
        var exchange = new GramExchange(group, rows);
        return own is CapturedGradients
            ? exchange.JointGram([.. sets.Select(set => (CapturedGradients)set.Own)], isDamped, only)
            : exchange.JointGram([.. sets.Select(set => (RecomputedGradients)set.Own)], only);
    }
}
