using Microsoft.ML.NaturalGradient.Models.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Self-attention with the projection of its output; an architecture says what the four maps are called.</summary>
internal sealed class ProjectedAttention : nn.Module<Tensor, Tensor?, Tensor>, IOnnxContextLayer
{
    private readonly int _heads;

    // No fields of their own, which TorchSharp would register once more under their names.
    private readonly (LinearLayer Query, LinearLayer Key, LinearLayer Value, LinearLayer Output) _maps;

    /// <summary>Creates the maps with zero weights.</summary>
    /// <param name="sizes">The encoder's sizes.</param>
    /// <param name="query">Name of the map to queries; the others alike.</param>
    /// <param name="key">To keys.</param>
    /// <param name="value">To values.</param>
    /// <param name="output">Of the output.</param>
    public ProjectedAttention(EncoderSizes sizes, string query, string key, string value, string output)
        : base(nameof(ProjectedAttention))
    {
        _heads = sizes.HeadCount;
        _maps = (Map(query), Map(key), Map(value), Map(output));

        LinearLayer Map(string name)
        {
            var layer = new LinearLayer(sizes.HiddenSize, sizes.HiddenSize);
            register_module(name, layer);
            return layer;
        }
    }

    /// <inheritdoc/>
    /// <param name="input">[N, T, D].</param>
    /// <param name="mask">From <see cref="AttentionMask"/>; null when nothing is hidden.</param>
    public override Tensor forward(Tensor input, Tensor? mask) => _maps.Output.call(
        MultiHeadAttention.Attend(_maps.Query.call(input), _maps.Key.call(input), _maps.Value.call(input), _heads, mask));

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
    {
        using var scope = graph.Enter(this);
        var (query, key, value) = (_maps.Query.Emit(graph, input), _maps.Key.Emit(graph, input), _maps.Value.Emit(graph, input));
        return _maps.Output.Emit(graph, MultiHeadAttention.Emit(graph, query, key, value, _heads, context.Mask));
    }
}
