using System.Runtime.InteropServices;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Batching;

/// <summary>Encoded texts with labels, cut into padded batches.</summary>
internal sealed class TokenBatchSource : IBatchSource
{
    private readonly IReadOnlyList<EncodedRow> _rows;
    private readonly int _batchSize;
    private readonly int _padId;
    private readonly Device _device;
    private readonly ScalarType _labelType;
    private readonly EpochOrder _order;

    /// <summary>Takes rows that were encoded before.</summary>
    /// <param name="rows">The rows; kept, must not change.</param>
    /// <param name="batchSize">Rows of a batch, at least one; the last batch of a pass may have fewer.</param>
    /// <param name="padId">Id that fills shorter rows.</param>
    /// <param name="device">Where the tensors are made.</param>
    /// <param name="seed">Seed of the shuffled order.</param>
    /// <param name="labelType">Type of the labels' tensor: int64 for classes, float64 for numbers.</param>
    /// <param name="bucketByLength">Whether rows of similar length come together in shuffled batches, which saves padding.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is not positive.</exception>
    public TokenBatchSource(
        IReadOnlyList<EncodedRow> rows, int batchSize, int padId, Device device, int seed,
        ScalarType labelType = ScalarType.Int64, bool bucketByLength = true)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        _rows = rows;
        _batchSize = batchSize;
        _padId = padId;
        _device = device;
        _labelType = labelType;
        _order = new EpochOrder([.. rows.Select(row => row.Tokens.Ids.Length)], batchSize, seed, bucketByLength);
    }

    /// <inheritdoc/>
    public int SampleCount => _rows.Count;

    /// <inheritdoc/>
    public int BatchCount => (_rows.Count + _batchSize - 1) / _batchSize;

    /// <summary>Pads sequences to the longest of them.</summary>
    /// <param name="sequences">At least one sequence.</param>
    /// <param name="padId">Id that fills shorter rows.</param>
    /// <param name="device">Where the tensors are made.</param>
    /// <returns>The batch, in no dispose scope; owned by the caller.</returns>
    public static TokenBatch Collate(IReadOnlyList<TokenSequence> sequences, int padId, Device device)
    {
        var rows = sequences.Count;
        var width = sequences.Max(sequence => sequence.Ids.Length);
        var ids = new long[rows * width];
        var mask = new long[rows * width];
        var typeIds = new long[rows * width];
        Array.Fill(ids, padId);
        for (var row = 0; row < rows; row++)
        {
            var sequence = sequences[row];
            var start = row * width;
            for (var t = 0; t < sequence.Ids.Length; t++)
            {
                ids[start + t] = sequence.Ids[t];
                mask[start + t] = 1;
                typeIds[start + t] = sequence.TypeIds?[t] ?? 0;
            }
        }

        using var scope = NewDisposeScope();
        var idsTensor = tensor(ids, [rows, width], device: device); // [N, T]
        var maskTensor = tensor(mask, [rows, width], device: device); // [N, T]
        var typeIdsTensor = tensor(typeIds, [rows, width], device: device); // [N, T]
        return new TokenBatch(
            idsTensor.DetachFromDisposeScope(), maskTensor.DetachFromDisposeScope(), typeIdsTensor.DetachFromDisposeScope(),
            sequences.Any(sequence => sequence.Ids.Length < width));
    }

    /// <inheritdoc/>
    public IEnumerable<LabeledBatch> Shuffled(int epoch, int first = 0) => Batches(_order.Rows(epoch)[Math.Min(first * _batchSize, _rows.Count)..]);

    /// <inheritdoc/>
    /// <remarks>From short to long rows, since the order does not matter to sums and this pads least.</remarks>
    public IEnumerable<LabeledBatch> Ordered() =>
        Batches([.. Enumerable.Range(0, _rows.Count).OrderBy(row => _rows[row].Tokens.Ids.Length)]);

    /// <inheritdoc/>
    public string Fingerprint() => ContentHash.Of(stream =>
    {
        foreach (var (tokens, label) in _rows)
        {
            stream.Write(MemoryMarshal.AsBytes<int>(tokens.Ids));
            stream.Write(MemoryMarshal.AsBytes<int>(tokens.TypeIds));
            stream.Write(BitConverter.GetBytes(label));
        }
    });

    private IEnumerable<LabeledBatch> Batches(int[] order)
    {
        foreach (var batch in order.Chunk(_batchSize))
        {
            yield return Batch(batch);
        }
    }

    private LabeledBatch Batch(int[] indices)
    {
        var input = Collate(Array.ConvertAll(indices, index => _rows[index].Tokens), _padId, _device);
        try
        {
            using var scope = NewDisposeScope();
            var labels = Array.ConvertAll(indices, index => _rows[index].Label);
            return new LabeledBatch(input, tensor(labels, _labelType, _device).DetachFromDisposeScope()); // [N]
        }
        catch
        {
            input.Dispose();
            throw;
        }
    }
}
