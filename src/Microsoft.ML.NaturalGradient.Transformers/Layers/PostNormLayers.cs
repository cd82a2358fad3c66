using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Onnx;
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

    /// <summary>Applies the layers one after the other, each when its output is asked for.</summary>
    /// <param name="embed">Computes the embeddings' output, [N, T, D]; not called where the batch has the output of the first layers.</param>
    /// <param name="batch">The batch, whose padding is hidden.</param>
    /// <returns>The embeddings' output, or that of the first layers, and the output of each layer after them.</returns>
    public IEnumerable<LayerStates> States(Func<Tensor> embed, TokenBatch batch)
    {
        var start = batch.Frozen?.States ?? embed();
        var mask = AttentionMask.Padding(batch, start.dtype);
        if (_positions is not null)
        {
            var bias = _positions.Bias(start.shape[0], start.shape[1]); // [N or 1, H, T, T]
            mask = mask is null ? bias : bias.Plus(mask); // [N, H, T, T]
        }

        return LayerStack.States(start, batch.Frozen, _layers, (layer, states) => layer.call(states, mask), batch.Packed());
    }

    /// <summary>Writes the layers into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="start">The embeddings' output, [N, T, D].</param>
    /// <param name="tokens">The texts, whose padding is hidden.</param>
    /// <returns>The output of the last layer, [N, T, D].</returns>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue start, OnnxTokens tokens)
    {
        using var scope = graph.Enter(this);
        var mask = graph.PaddingMask(tokens.Mask);
        var context = new OnnxContext { Mask = _positions is null ? mask : graph.Add(_positions.Emit(graph, start), mask) };
        return _layers.Aggregate(start, (states, layer) => layer.Emit(graph, states, context));
    }
}
