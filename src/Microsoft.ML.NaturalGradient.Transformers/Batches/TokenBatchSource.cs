using System.Runtime.InteropServices;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Batching;

/// <summary>Encoded texts with labels, cut into padded batches.</summary>
internal sealed class TokenBatchSource : RowBatchSource
{
    private readonly IReadOnlyList<EncodedRow> _rows;
    private readonly int _padId;

    /// <summary>Takes rows that were encoded before.</summary>
    /// <param name="rows">The rows; kept, must not change.</param>
    /// <param name="batchSize">Rows of a batch, at least one; the last batch of a pass may have fewer.</param>
    /// <param name="padId">Id that fills shorter rows.</param>
    /// <param name="device">Where the tensors are made.</param>
    /// <param name="seed">Seed of the shuffled order.</param>
    /// <param name="format">The tensors of labels; null for one class a row.</param>
    /// <param name="bucketByLength">Whether rows of similar length come together in shuffled batches, which saves padding.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batchSize"/> is not positive.</exception>
    public TokenBatchSource(
        IReadOnlyList<EncodedRow> rows, int batchSize, int padId, Device device, int seed,
        LabelFormat? format = null, bool bucketByLength = true)
        : base(
            Array.ConvertAll([.. rows], row => row.Label), format ?? LabelFormat.Class, batchSize,
            new EpochOrder([.. rows.Select(row => row.Tokens.Ids.Length)], batchSize, seed, bucketByLength), device)
    {
        _rows = rows;
        _padId = padId;
    }

    /// <inheritdoc/>
    /// <remarks>From short to long rows, since the order does not matter to sums and this pads least.</remarks>
    protected override int[] FixedOrder => [.. Enumerable.Range(0, _rows.Count).OrderBy(row => _rows[row].Tokens.Ids.Length)];

    /// <summary>Pads sequences to the longest of them.</summary>
    /// <param name="sequences">At least one sequence.</param>
    /// <param name="padId">Id that fills shorter rows.</param>
    /// <param name="device">Where the tensors are made.</param>
    /// <returns>The batch, in no dispose scope; owned by the caller.</returns>
    public static TokenBatch Collate(IReadOnlyList<TokenSequence> sequences, int padId, Device device)
    {
        var padded = new PaddedTokens(sequences, padId);
        long[] shape = [padded.Rows, padded.Width];
        using var scope = NewDisposeScope();
        var idsTensor = tensor(padded.Ids, shape, device: device); // [N, T]
        var maskTensor = tensor(padded.Mask, shape, device: device); // [N, T]
        var typeIdsTensor = tensor(padded.TypeIds, shape, device: device); // [N, T]
        return new TokenBatch(
            idsTensor.DetachFromDisposeScope(), maskTensor.DetachFromDisposeScope(), typeIdsTensor.DetachFromDisposeScope(),
            sequences.Any(sequence => sequence.Ids.Length < padded.Width));
    }

    /// <inheritdoc/>
    public override int? TokensOf(int row) => _rows[row].Tokens.Ids.Length;

    /// <inheritdoc/>
    public override ModelInput Resume(int[] rows, FrozenStates states)
    {
        var batch = Collate(rows);
        return new TokenBatch(batch.Ids, batch.Mask, batch.TypeIds, batch.IsPadded, states);
    }

    /// <inheritdoc/>
    public override string Fingerprint() => ContentHash.Of(stream =>
    {
        foreach (var (tokens, label) in _rows)
        {
            stream.Write(MemoryMarshal.AsBytes<int>(tokens.Ids));
            stream.Write(MemoryMarshal.AsBytes<int>(tokens.TypeIds));
            label.WriteTo(stream);
        }
    });

    /// <inheritdoc/>
    protected override IEnumerable<ModelInput> Inputs(IEnumerable<int[]> batches, int? epoch, ProcessGroup? group) => batches.Select(Collate);

    private TokenBatch Collate(int[] rows) => Collate(Array.ConvertAll(rows, row => _rows[row].Tokens), _padId, Device);
}
