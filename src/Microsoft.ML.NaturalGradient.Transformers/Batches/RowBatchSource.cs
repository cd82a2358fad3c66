using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Batching;

/// <summary>Rows with labels, cut into batches.</summary>
/// <param name="labels">The label of each row.</param>
/// <param name="format">The tensors of labels.</param>
/// <param name="batchSize">Rows of a batch, at least one; the last batch of a pass may have fewer.</param>
/// <param name="order">The order of shuffled passes.</param>
/// <param name="device">Where the tensors are made.</param>
internal abstract class RowBatchSource(RowLabel[] labels, LabelFormat format, int batchSize, EpochOrder order, Device device) : IBatchSource
{
    private readonly bool _isWeighted = Array.Exists(labels, label => label.Weight != 1);

    /// <inheritdoc/>
    public int SampleCount => labels.Length;

    /// <inheritdoc/>
    public int BatchCount => (labels.Length + BatchSize - 1) / BatchSize;

    /// <summary>The processes that evaluate each batch of a pass together, so that a row of another process need not be read; null for this one alone.</summary>
    public ProcessGroup? Group { get; set; }

    /// <summary>Whether a row is the same in every epoch.</summary>
    public virtual bool IsConstant => true;

    /// <summary>Where the tensors are made.</summary>
    public Device Device => device;

    /// <summary>Rows of a batch, at most all there are.</summary>
    protected int BatchSize { get; } = batchSize > 0
        ? Math.Min(batchSize, Math.Max(1, labels.Length))
        : throw new ArgumentOutOfRangeException(nameof(batchSize), batchSize, "A batch has at least one row.");

    /// <summary>All rows in the order of <see cref="Ordered"/>.</summary>
    protected virtual int[] FixedOrder => [.. Enumerable.Range(0, SampleCount)];

    /// <inheritdoc/>
    public IEnumerable<LabeledBatch> Shuffled(int epoch, int first = 0) => Batches(ShuffledRows(epoch, first), epoch);

    /// <inheritdoc/>
    public IEnumerable<LabeledBatch> Ordered() => Batches(OrderedRows(), null);

    /// <summary>The rows of the batches of <see cref="Shuffled"/>.</summary>
    /// <param name="epoch">Epoch, from 0.</param>
    /// <param name="first">The first batch, from 0.</param>
    /// <returns>Indices of rows.</returns>
    public IEnumerable<int[]> ShuffledRows(int epoch, int first) => order.Rows(epoch)[(int)Math.Min((long)first * BatchSize, SampleCount)..].Chunk(BatchSize);

    /// <summary>The rows of the batches of <see cref="Ordered"/>.</summary>
    /// <returns>Indices of rows.</returns>
    public IEnumerable<int[]> OrderedRows() => FixedOrder.Chunk(BatchSize);

    /// <summary>Makes what the network reads of rows as they are.</summary>
    /// <param name="batches">The rows of each batch.</param>
    /// <returns>A batch for each; the caller disposes each.</returns>
    public IEnumerable<ModelInput> InputsOf(IEnumerable<int[]> batches) => Inputs(batches, null, null);

    /// <summary>Makes the tensor of labels.</summary>
    /// <param name="rows">N rows.</param>
    /// <returns>[N] or [N, L], in no dispose scope; owned by the caller.</returns>
    public Tensor Labels(int[] rows)
    {
        using var scope = NewDisposeScope();
        return format.ToTensor(Array.ConvertAll(rows, row => labels[row]), device).DetachFromDisposeScope();
    }

    /// <summary>Makes the tensor of how often rows count.</summary>
    /// <param name="rows">N rows.</param>
    /// <returns>[N], float64, in no dispose scope; owned by the caller. Null where each row of the source counts once.</returns>
    public Tensor? Weights(int[] rows)
    {
        if (!_isWeighted)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        return tensor(Array.ConvertAll(rows, row => labels[row].Weight), ScalarType.Float64, device).DetachFromDisposeScope();
    }

    /// <summary>Tokens of a row; null where all have as many.</summary>
    /// <param name="row">The row.</param>
    public virtual int? TokensOf(int row) => null;

    /// <summary>Makes batches without what the first layers would read.</summary>
    /// <param name="rows">N rows.</param>
    /// <param name="states">What the first layers gave for them, padded at the end; owned by the result.</param>
    /// <returns>What the layers after them read; owned by the caller.</returns>
    public abstract ModelInput Resume(int[] rows, FrozenStates states);

    /// <inheritdoc/>
    public abstract string Fingerprint();

    /// <summary>Makes what the network reads.</summary>
    /// <param name="batches">The rows of each batch.</param>
    /// <param name="epoch">Epoch, from 0; null for rows as they are.</param>
    /// <param name="group">The processes, of whose rows only those of this one must be read; the shape is that of the whole batch all the same. Null for all rows.</param>
    /// <returns>A batch for each; the caller disposes each.</returns>
    protected abstract IEnumerable<ModelInput> Inputs(IEnumerable<int[]> batches, int? epoch, ProcessGroup? group);

    private IEnumerable<LabeledBatch> Batches(IEnumerable<int[]> rows, int? epoch)
    {
        var batches = rows.ToArray();
        foreach (var (input, batch) in Inputs(batches, epoch, Group).Zip(batches))
        {
            yield return new LabeledBatch(input, Labels(batch), Weights(batch));
        }
    }
}
