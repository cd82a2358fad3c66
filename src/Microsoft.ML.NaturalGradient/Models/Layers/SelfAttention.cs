using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Multi-head self-attention: softmax(QKᵀ/√d + mask)·V for each head.</summary>
/// <remarks>Vaswani et al., "Attention Is All You Need", NIPS 2017, eq. (1). Written out, which is quickest below about 128 tokens.</remarks>
internal sealed class SelfAttention : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly int _heads;

    [ComponentName(Name = "query")]
    private readonly LinearLayer _query;

    [ComponentName(Name = "key")]
    private readonly LinearLayer _key;

    [ComponentName(Name = "value")]
    private readonly LinearLayer _value;

    /// <summary>Creates the layer with zero weights.</summary>
    /// <param name="hiddenSize">Width D.</param>
    /// <param name="heads">Heads H; D is a multiple of it.</param>
    public SelfAttention(long hiddenSize, int heads)
        : base(nameof(SelfAttention))
    {
        _heads = heads;
        _query = new LinearLayer(hiddenSize, hiddenSize);
        _key = new LinearLayer(hiddenSize, hiddenSize);
        _value = new LinearLayer(hiddenSize, hiddenSize);
        RegisterComponents();
    }

    /// <summary>The additive mask of a batch.</summary>
    /// <param name="mask">1 for tokens and 0 for padding, [N, T].</param>
    /// <param name="type">Element type of the model.</param>
    /// <returns>0 for tokens and the type's lowest number for padding, [N, 1, 1, T].</returns>
    public static Tensor AdditiveMask(Tensor mask, ScalarType type)
    {
        var lowest = type == ScalarType.Float64 ? double.MinValue : float.MinValue;
        return mask.eq(0).to(type).Times(lowest).unsqueeze(1).unsqueeze(1);
    }

    /// <inheritdoc/>
    /// <param name="input">[N, T, D].</param>
    /// <param name="mask">From <see cref="AdditiveMask"/>; null when no row is padded.</param>
    public override Tensor forward(Tensor input, Tensor? mask)
    {
        var (samples, tokens, width) = (input.shape[0], input.shape[1], input.shape[2]);
        var headSize = width / _heads;
        var query = Heads(_query.call(input)).Times(1 / Math.Sqrt(headSize)); // [N·H, T, d]
        var scores = query.bmm(Heads(_key.call(input)).transpose(1, 2)).view(samples, _heads, tokens, tokens);
        if (mask is not null)
        {
            scores = scores.Plus(mask);
        }

        var weights = scores.softmax(-1).view(samples * _heads, tokens, tokens);
        var context = weights.bmm(Heads(_value.call(input))); // [N·H, T, d]
        return context.view(samples, _heads, tokens, headSize).transpose(1, 2).reshape(samples, tokens, width);

        Tensor Heads(Tensor states) => states.view(samples, tokens, _heads, headSize).transpose(1, 2)
            .reshape(samples * _heads, tokens, headSize);
    }
}
