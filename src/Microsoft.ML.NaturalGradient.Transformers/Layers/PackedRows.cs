using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>The rows of a padded batch end to end as one long row, so that layers compute nothing for padding.</summary>
/// <remarks>
/// All maps of a layer work on tokens one by one; attention is kept within the rows by a mask that hides each row from the others. The results are those of
/// the padded batch, but for rounding. For scoring only: in training each row is a sample, which has to stay one.
/// </remarks>
internal sealed class PackedRows
{
    private const double MaskedAttentionCost = 3; // products, mask and softmax of attention, in units of its products alone

    private readonly Tensor _tokens; // places of the tokens among all N·T, [M]

    private PackedRows(Tensor tokens, Tensor mask)
    {
        _tokens = tokens;
        Mask = mask;
    }

    /// <summary>Hides the tokens of other rows, [1, 1, M, M].</summary>
    public Tensor Mask { get; }

    /// <summary>Looks whether a batch costs less when it is packed.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="embedded">Its embeddings, [N, T, D].</param>
    /// <returns>How to pack it; null in training, and where there is too little padding: attention between all tokens costs the square of their number.</returns>
    public static PackedRows? Of(TokenBatch batch, Tensor embedded)
    {
        if (!batch.IsPadded || is_grad_enabled())
        {
            return null;
        }

        var (rows, width, size) = (embedded.shape[0], embedded.shape[1], embedded.shape[2]);
        var places = batch.Mask.flatten().nonzero().squeeze(1); // [M]
        var tokens = (double)places.shape[0];
        // Products of a layer for each number of a token's vector: 12·D of its maps, and 2·T of attention.
        var saved = 6 * size * ((rows * width) - tokens);
        var added = MaskedAttentionCost * ((tokens * tokens) - ((double)rows * width * width));
        if (saved <= added)
        {
            return null;
        }

        var row = TensorMath.Indices(rows, places.device).unsqueeze(1).expand(rows, width).flatten().index_select(0, places); // [M]
        var isOther = row.unsqueeze(0).eq(row.unsqueeze(1)).logical_not(); // [M, M]
        return new PackedRows(places, AttentionMask.Hide(isOther, embedded.dtype).unsqueeze(0).unsqueeze(0));
    }

    /// <summary>Leaves out the padding.</summary>
    /// <param name="states">[N, T, D].</param>
    /// <returns>[1, M, D].</returns>
    public Tensor Pack(Tensor states) => states.flatten(0, 1).index_select(0, _tokens).unsqueeze(0);

    /// <summary>Takes back <see cref="Pack"/>.</summary>
    /// <param name="packed">[1, M, D].</param>
    /// <param name="like">The padded vectors, [N, T, D].</param>
    /// <returns>[N, T, D]; zeros for padding.</returns>
    public Tensor Unpack(Tensor packed, Tensor like) => zeros_like(like).flatten(0, 1).index_copy(0, _tokens, packed.squeeze(0)).view(like.shape);
}
