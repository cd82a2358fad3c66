using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Batching;

/// <summary>A padded batch of token sequences; owns its tensors.</summary>
/// <param name="ids">Token ids, [N, T], int64, padded at the end.</param>
/// <param name="mask">1 for tokens and 0 for padding, [N, T], int64.</param>
/// <param name="typeIds">Segment ids, [N, T], int64.</param>
/// <param name="isPadded">Whether any row is padded.</param>
/// <param name="frozen">What the first layers gave for it; null where they are to be computed.</param>
internal sealed class TokenBatch(Tensor ids, Tensor mask, Tensor typeIds, bool isPadded, FrozenStates? frozen = null) : ModelInput
{
    /// <summary>Token ids, [N, T].</summary>
    public Tensor Ids { get; } = ids;

    /// <summary>1 for tokens and 0 for padding, [N, T].</summary>
    public Tensor Mask { get; } = mask;

    /// <summary>Whether any row is padded.</summary>
    public bool IsPadded { get; } = isPadded;

    /// <summary>What the first layers gave; null where they are to be computed.</summary>
    public FrozenStates? Frozen => frozen;

    /// <summary>Segment ids, [N, T].</summary>
    public Tensor TypeIds { get; } = typeIds;

    /// <summary>How its rows lie end to end, so that layers compute nothing for padding.</summary>
    /// <returns>In the caller's dispose scope; null where that gains nothing.</returns>
    public PackedRows? Packed() => IsPadded ? PackedRows.Of(Mask) : null;

    /// <inheritdoc/>
    public override int SampleCount => (int)Ids.shape[0];

    /// <inheritdoc/>
    public override TokenBatch Slice(long start, long count) =>
        new(Ids.narrow(0, start, count), Mask.narrow(0, start, count), TypeIds.narrow(0, start, count), IsPadded, Frozen?.Slice(start, count));

    /// <summary>Makes room for a prompt before each row: tokens of segment 0 that attention sees.</summary>
    /// <param name="count">Tokens P of the prompt.</param>
    /// <returns>A batch of width P + T, whose first ids repeat the row's first token; its tensors are in the caller's dispose scope.</returns>
    public TokenBatch WithPrompt(int count)
    {
        var first = Ids.narrow(1, 0, 1).expand(-1, count); // [N, P]
        return new TokenBatch(
            cat([first, Ids], 1), cat([ones_like(first), Mask], 1), cat([zeros_like(first), TypeIds], 1), IsPadded);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        Ids.Dispose();
        Mask.Dispose();
        TypeIds.Dispose();
        Frozen?.States.Dispose();
    }
}
