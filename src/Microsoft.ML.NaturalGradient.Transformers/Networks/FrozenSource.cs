using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Processes;
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
/// <param name="group">The processes that compute it together, each some of the batches; null for this one alone.</param>
internal sealed class FrozenSource(
    RowBatchSource rows, AdaptedNetwork network, int layers, ScalarType? type = null, long memoryLimit = SpillingStore.DefaultMemoryLimit,
    string? folder = null, ProcessGroup? group = null)
    : IBatchSource, IDisposable
{
    private const int MostRowsAtOnce = 128;

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
        var (size, rank) = (group?.Size ?? 1, group?.Rank ?? 0);
        var parts = rows.OrderedRows().SelectMany(batch => batch.Chunk(MostRowsAtOnce)); // a batch may be of all rows there are
        using var inputs = rows.InputsOf(parts.Where((_, i) => i % size == rank)).GetEnumerator();
        foreach (var batches in parts.Chunk(size)) // one for each process
        {
            using var scope = NewDisposeScope();
            checkAlive?.Invoke();
            var own = inputs.MoveNext() ? Compute(inputs.Current) : null;
            for (var i = 0; i < batches.Length; i++)
            {
                Keep(group?.TensorOfOne(own, i, CPU) ?? own!, batches[i]);
            }
        }

        _networkType = (ScalarType)(group?.OfFirst((double)_networkType) ?? (double)_networkType);
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

    /// <summary>Copies bytes to the beginnings of rows, each on its own: all rows together may have more than a span holds.</summary>
    /// <param name="pieces">The bytes of each row.</param>
    /// <param name="rows">[N, …] on the CPU, whose rows lie in one piece each; changed.</param>
    internal static void Copy(byte[][] pieces, Tensor rows)
    {
        for (var i = 0; i < pieces.Length; i++)
        {
            using var row = rows.select(0, i);
            pieces[i].CopyTo(row.bytes);
        }
    }

    private Tensor Compute(ModelInput input)
    {
        using var owned = input;
        var output = network.FrozenOutput(input, layers).cpu(); // [N, T, D] or [N, D]
        var kept = output.to(type ?? output.dtype);
        _networkType = output.dtype;
        return kept.IsFinite()
            ? kept
            : throw new InvalidOperationException("What the frozen layers give is not finite. " + (kept.dtype == ScalarType.Float16
                ? "16 bits are too few for it: set HalfPrecision of FrozenLayerCache to false."
                : "Look for weights of the pretrained model that are not numbers."));
    }

    private void Keep(Tensor output, int[] batch)
    {
        (_type, _width, _elementSize) = (output.dtype, output.shape[^1], output.ElementSize);
        for (var i = 0; i < batch.Length; i++)
        {
            var row = output.select(0, i);
            row = IsPooled || rows.TokensOf(batch[i]) is not { } tokens ? row : row.narrow(0, 0, tokens);
            _places[batch[i]] = _store.Add(row.contiguous().bytes.ToArray());
        }
    }

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
        Copy(pieces, values);
        values = values.to(_networkType).to(rows.Device);
        return IsPooled ? values : values.view(batch.Length, -1, _width);
    }
}
