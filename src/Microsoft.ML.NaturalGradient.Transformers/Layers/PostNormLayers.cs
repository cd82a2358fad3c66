using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>The layers of BERT and of encoders that are made like it, one after the other.</summary>
internal sealed class PostNormLayers : nn.Module
{
    [ComponentName(Name = "layer")]
    private readonly ModuleList<PostNormLayer<Tensor?>> _layers;

    [ComponentName(Name = "relative_attention_bias")]
    private readonly RelativePositionBias? _positions;

    /// <summary>Creates the layers with empty weights.</summary>
    /// <param name="sizes">The encoder's sizes.</param>
    /// <param name="createAttention">Makes a layer's attention, added to what it reads and normalised; null for BERT's.</param>
    /// <param name="positions">What every layer adds to its scores; owned by this object from now on. Null for nothing.</param>
    public PostNormLayers(
        EncoderSizes sizes, Func<nn.Module<Tensor, Tensor?, Tensor>>? createAttention = null, RelativePositionBias? positions = null)
        : base(nameof(PostNormLayers))
    {
        createAttention ??= () => new PostNormAttention<Tensor?>(sizes, new SelfAttention(sizes.HiddenSize, sizes.HeadCount));
        _layers = new ModuleList<PostNormLayer<Tensor?>>([.. Enumerable.Range(0, sizes.LayerCount).Select(
            _ => new PostNormLayer<Tensor?>(sizes, createAttention()))]);
        _positions = positions;
        RegisterComponents();
    }

    /// <summary>Applies the layers one after the other.</summary>
    /// <param name="embedded">The embeddings' output, [N, T, D].</param>
    /// <param name="batch">The batch, whose padding is hidden.</param>
    /// <returns><paramref name="embedded"/> and each layer's output.</returns>
    public IReadOnlyList<Tensor> HiddenStates(Tensor embedded, TokenBatch batch)
    {
        if (_positions is null && PackedRows.Of(batch, embedded) is { } rows)
        {
            return [embedded, .. Apply(rows.Pack(embedded), rows.Mask).Select(state => rows.Unpack(state, embedded))];
        }

        var mask = AttentionMask.Padding(batch, embedded.dtype);
        if (_positions is not null)
        {
            var bias = _positions.Bias(embedded.shape[0], embedded.shape[1]); // [N or 1, H, T, T]
            mask = mask is null ? bias : bias.Plus(mask); // [N, H, T, T]
        }

        return [embedded, .. Apply(embedded, mask)];
    }

    private IEnumerable<Tensor> Apply(Tensor states, Tensor? mask)
    {
        foreach (var layer in _layers)
        {
            states = layer.call(states, mask);
            yield return states;
        }
    }
}
