using Microsoft.ML.NaturalGradient.Batching;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>The layers of BERT, RoBERTa and ELECTRA.</summary>
internal sealed class PostNormLayers : nn.Module
{
    [ComponentName(Name = "layer")]
    private readonly ModuleList<PostNormLayer<Tensor?>> _layers;

    /// <summary>Creates the layers with empty weights.</summary>
    /// <param name="sizes">The encoder's sizes.</param>
    public PostNormLayers(EncoderSizes sizes)
        : base(nameof(PostNormLayers))
    {
        _layers = new ModuleList<PostNormLayer<Tensor?>>([.. Enumerable.Range(0, sizes.LayerCount).Select(
            _ => new PostNormLayer<Tensor?>(sizes, new SelfAttention(sizes.HiddenSize, sizes.HeadCount)))]);
        RegisterComponents();
    }

    /// <summary>Applies the layers one after the other.</summary>
    /// <param name="embedded">The embeddings' output, [N, T, D].</param>
    /// <param name="batch">The batch, whose padding is hidden.</param>
    /// <returns><paramref name="embedded"/> and each layer's output.</returns>
    public IReadOnlyList<Tensor> HiddenStates(Tensor embedded, TokenBatch batch)
    {
        var states = new List<Tensor> { embedded };
        var mask = AttentionMask.Padding(batch, embedded.dtype);
        foreach (var layer in _layers)
        {
            states.Add(layer.call(states[^1], mask));
        }

        return states;
    }
}
