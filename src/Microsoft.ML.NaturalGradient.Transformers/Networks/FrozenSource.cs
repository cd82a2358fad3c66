using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>Batches whose way through the frozen layers is computed once for each row and kept.</summary>
/// <remarks>
/// The rows are computed in the order of <see cref="IBatchSource.Ordered"/>, whatever is trained on them later, so that a run that goes on after an interruption sees the same
/// numbers. They are those of a network that computes all layers in each step, but for rounding: matrix products of other batches sum in another order.
/// </remarks>
/// <param name="rows">The rows; the same in every epoch.</param>
/// <param name="network">The network.</param>
/// <param name="layers">How many layers are kept, at least 1, as <see cref="AdaptedNetwork.FrozenLayers"/> says; one more than there are for all but the head.</param>
/// <param name="type">Element type in which the output is kept; null for the network's.</param>
/// <param name="memoryLimit">Most bytes in memory; what is beyond goes to a temporary file.</param>
/// <param name="folder">Folder of the temporary file; null takes the system's.</param>
internal sealed class FrozenSource(
    RowBatchSource rows, AdaptedNetwork network, int layers, ScalarType? type = null, long memoryLimit = SpillingStore.DefaultMemoryLimit,
    string? folder = null)
    : IBatchSource, IDisposable
{
    private readonly SpillingStore _store = new("Features", memoryLimit, folder);
    private readonly int[] _places = new int[rows.SampleCount]; // in the store
    private ScalarType _type;
    private ScalarType _networkType;
    private long _width; // D
    private long _elementSize; // in bytes

    /// <inheritdoc/>
    public int SampleCount => rows.SampleCount;

    /// <inheritdoc/>
    public int BatchCount => rows.BatchCount;

    /// <summary>Bytes in memory.</summary>
    public long MemoryBytes => _store.MemoryBytes;

    /// <summary>Bytes in the temporary file.</summary>
    public long FileBytes => _store.FileBytes;

    private bool IsPooled => layers > network.Base.LayerCount;

    /// <summary>Computes the output of the frozen layers for all rows.</summary>
    /// <param name="checkAlive">Called for every batch; throws to stop.</param>
    /// <exception cref="InvalidOperationException">A number is not finite, or too large for 16 bits.</exception>
    /// <exception cref="IOException">The temporary file cannot be written.</exception>
    public void Fill(Action? checkAlive = null)
    {
        using var noGrad = no_grad();
        network.SetTraining(false);
        foreach (var (batch, indices) in rows.Ordered().Zip(rows.OrderedRows()))
        {
            using var owned = batch;
            using var scope = NewDisposeScope();
            checkAlive?.Invoke();
            var output = network.FrozenOutput(batch.Input, layers); // [N, T, D] or [N, D]
            (_networkType, _type, _width) = (output.dtype, type ?? output.dtype, output.shape[^1]);
            output = output.to(_type).cpu();
            if (!output.IsFinite())
            {
                throw new InvalidOperationException("What the frozen layers give is not finite. " + (_type == ScalarType.Float16
                    ? "16 bits are too few for it: set HalfPrecision of FrozenLayerCache to false."
                    : "Look for weights of the pretrained model that are not numbers."));
            }

            _elementSize = output.ElementSize;
            for (var i = 0; i < indices.Length; i++)
            {
                var row = output.select(0, i);
                row = IsPooled || rows.TokensOf(indices[i]) is not { } tokens ? row : row.narrow(0, 0, tokens);
                _places[indices[i]] = _store.Add(row.contiguous().bytes.ToArray());
            }
        }
    }

    /// <inheritdoc/>
    public IEnumerable<LabeledBatch> Shuffled(int epoch, int first = 0) => rows.ShuffledRows(epoch, first).Select(Batch);

    /// <inheritdoc/>
    public IEnumerable<LabeledBatch> Ordered() => rows.OrderedRows().Select(Batch);

    /// <inheritdoc/>
    public string Fingerprint() => rows.Fingerprint();

    /// <summary>All rows in their order, where the frozen layers are all but the head.</summary>
    /// <returns>The vectors that the head reads, [N, D], and the labels; owned by the caller.</returns>
    public LabeledBatch All() => Batch([.. Enumerable.Range(0, SampleCount)]);

    /// <inheritdoc/>
    public void Dispose() => _store.Dispose();

    private LabeledBatch Batch(int[] batch)
    {
        using var scope = NewDisposeScope();
        var output = Read(batch).DetachFromDisposeScope();
        return new LabeledBatch(IsPooled ? new PooledBatch(output) : rows.Resume(batch, new FrozenStates(layers, output)), rows.Labels(batch), rows.Weights(batch));
    }

    private Tensor Read(int[] batch)
    {
        var pieces = Array.ConvertAll(batch, row => _store.Read(_places[row]));
        var longest = pieces.Max(piece => piece.Length);
        var values = zeros([batch.Length, longest / _elementSize], _type); // on the CPU, where the bytes are
        var bytes = values.bytes;
        for (var i = 0; i < batch.Length; i++)
        {
            pieces[i].CopyTo(bytes[(i * longest)..]);
        }

        values = values.to(_networkType).to(rows.Device);
        return IsPooled ? values : values.view(batch.Length, -1, _width);
    }
}
