using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>The rows of a padded batch end to end as one long row, so that layers which map tokens one by one compute nothing for padding.</summary>
/// <remarks>
/// Attention puts queries, keys and values apart again, and its output together. What layers record on a tape is put apart when it is captured, with zeros for padding, whose
/// gradients are zero in a padded batch too. So all results are those of the padded batch, but for rounding.
/// </remarks>
internal sealed class PackedRows : IDisposable
{
    private const double LeastPadding = 1.0 / 16; // measured: with less, putting rows together and apart costs what it saves

    [ThreadStatic]
    private static PackedRows? _current;

    [ThreadStatic]
    private static bool _isForbidden;

    private readonly long _rows; // N
    private readonly long _width; // T
    private readonly Tensor _tokens; // places of the tokens among all N·T, [M]
    private readonly Dictionary<Tensor, Tensor> _apart = new(ReferenceEqualityComparer.Instance);

    private PackedRows(long rows, long width, Tensor tokens) => (_rows, _width, _tokens) = (rows, width, tokens);

    /// <summary>How the rows lie that this thread's layers read; null where each is on its own.</summary>
    public static PackedRows? Current => _current;

    /// <summary>Looks whether a batch is worth packing.</summary>
    /// <param name="mask">1 for tokens and 0 for padding, [N, T].</param>
    /// <returns>How to pack it, in the caller's dispose scope; null where there is too little padding, and between <see cref="Forbid"/> and its end.</returns>
    public static PackedRows? Of(Tensor mask)
    {
        if (_isForbidden)
        {
            return null;
        }

        var tokens = mask.flatten().nonzero().squeeze(1); // [M]
        return mask.numel() - tokens.shape[0] < LeastPadding * mask.numel() ? null : new PackedRows(mask.shape[0], mask.shape[1], tokens);
    }

    /// <summary>Has this thread's batches padded, for methods that count what layers read at padding.</summary>
    /// <param name="isForbidden">Whether to; else nothing changes.</param>
    /// <returns>Ends it when disposed.</returns>
    public static IDisposable Forbid(bool isForbidden = true)
    {
        var end = new End(_current, _isForbidden);
        _isForbidden |= isForbidden;
        return end;
    }

    /// <summary>Begins what reads tensors whose rows are each on their own, within layers that do not.</summary>
    /// <returns>Ends it when disposed.</returns>
    public static IDisposable Leave() => Begin(null);

    /// <summary>Begins layers that read packed rows.</summary>
    /// <returns>Ends it when disposed.</returns>
    public IDisposable Enter() => Begin(this);

    /// <summary>Makes another object for the same rows, in no dispose scope.</summary>
    /// <returns>It; the caller disposes it.</returns>
    public PackedRows Keep() => new(_rows, _width, _tokens.alias().DetachFromDisposeScope());

    /// <summary>The shape of packed tensors when they are put apart.</summary>
    /// <param name="packed">[1, M, ...].</param>
    /// <returns>[N, T, ...].</returns>
    public long[] ShapeApart(long[] packed) => [_rows, _width, .. packed.AsSpan(2)];

    /// <summary>Leaves out the padding.</summary>
    /// <param name="states">[N, T, D].</param>
    /// <returns>[1, M, D].</returns>
    public Tensor Pack(Tensor states) => states.flatten(0, 1).index_select(0, _tokens).unsqueeze(0);

    /// <summary>Takes back <see cref="Pack"/>.</summary>
    /// <param name="packed">[1, M, ...].</param>
    /// <returns>[N, T, ...]; zeros for padding.</returns>
    public Tensor Unpack(Tensor packed)
    {
        var values = packed.squeeze(0); // [M, ...]
        var all = zeros([_rows * _width, .. values.shape.AsSpan(1)], values.dtype, values.device);
        return all.index_copy(0, _tokens, values).view(ShapeApart(packed.shape));
    }

    /// <summary>Puts apart what several layers read, once for all of them.</summary>
    /// <param name="read">What they read, by which it is known; may be disposed by now.</param>
    /// <param name="packed">An alias of it, outside the autograd graph.</param>
    /// <returns>[N, T, ...]; owned by this object.</returns>
    public Tensor UnpackOnce(Tensor read, Tensor packed)
    {
        if (!_apart.TryGetValue(read, out var apart))
        {
            apart = Unpack(packed).DetachFromDisposeScope();
            _apart.Add(read, apart);
        }

        return apart;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tokens.Dispose();
        foreach (var tensor in _apart.Values)
        {
            tensor.Dispose();
        }
    }

    private static End Begin(PackedRows? rows)
    {
        var end = new End(_current, _isForbidden);
        _current = rows;
        return end;
    }

    private sealed class End(PackedRows? rows, bool isForbidden) : IDisposable
    {
        public void Dispose() => (_current, _isForbidden) = (rows, isForbidden);
    }
}
