using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.T5;

/// <summary>T5's multi-head attention: softmax(QKᵀ + bias)·V for each head, without the scale 1/√d and without biases of its maps.</summary>
/// <remarks>
/// Raffel et al., JMLR 2020, section 2.1; the missing scale is part of the initial weights. Several rows may attend to one: queries are
/// then read side by side, so that keys and values are computed once for all of them.
/// </remarks>
internal sealed class T5Attention : nn.Module<Tensor, Tensor, Tensor?, Tensor>
{
    private readonly int _heads;

    [ComponentName(Name = "q")]
    private readonly LinearLayer _query;

    [ComponentName(Name = "k")]
    private readonly LinearLayer _key;

    [ComponentName(Name = "v")]
    private readonly LinearLayer _value;

    [ComponentName(Name = "o")]
    private readonly LinearLayer _output;

    [ComponentName(Name = "relative_attention_bias")]
    private readonly RelativePositionBias? _positions;

    /// <summary>Creates the layer with zero weights.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="positions">The table of relative positions, in the first layer of a stack; owned by this layer from now on.</param>
    public T5Attention(T5Config config, RelativePositionBias? positions)
        : base(nameof(T5Attention))
    {
        var inner = (long)config.HeadCount * config.HeadSize;
        _heads = config.HeadCount;
        _query = new LinearLayer(config.HiddenSize, inner, bias: false);
        _key = new LinearLayer(config.HiddenSize, inner, bias: false);
        _value = new LinearLayer(config.HiddenSize, inner, bias: false);
        _output = new LinearLayer(inner, config.HiddenSize, bias: false);
        _positions = positions;
        RegisterComponents();
    }

    /// <summary>The table of relative positions that the whole stack uses; null but in its first layer.</summary>
    public RelativePositionBias? Positions => _positions;

    /// <inheritdoc/>
    /// <param name="input">What asks, [N·g, T, D], or [1, M, D] of <see cref="PerSampleGradients.PackedRows"/> in self-attention.</param>
    /// <param name="memory">What is attended to, [N, S, D]; the same tensor as <paramref name="input"/> in self-attention.</param>
    /// <param name="bias">Added to the scores, broadcast to [N, H, g·T, S]; null for nothing.</param>
    public override Tensor forward(Tensor input, Tensor memory, Tensor? bias)
    {
        var asking = input.view(memory.shape[0], -1, input.shape[2]); // [N, g·T, D]
        var (query, key, value) = (Heads(_query.call(asking)), Heads(_key.call(memory)), Heads(_value.call(memory))); // [N, H, ., d]
        var scores = query.flatten(0, 1).bmm(key.flatten(0, 1).transpose(1, 2)); // [N·H, g·T, S]
        if (bias is not null)
        {
            scores = scores.view(key.shape[0], _heads, query.shape[2], key.shape[2]).Plus(bias).flatten(0, 1);
        }

        var context = scores.softmax(-1).bmm(value.flatten(0, 1)).view(query.shape);
        return _output.call(MultiHeadAttention.Merge(context)).view(input.shape);
    }

    /// <summary>Writes the layer into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="input">What asks, [N, T, D].</param>
    /// <param name="memory">What is attended to, [N, S, D].</param>
    /// <param name="bias">Added to the scores, broadcast to [N, H, T, S].</param>
    /// <returns>[N, T, D].</returns>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxValue memory, OnnxValue bias)
    {
        using var scope = graph.Enter(this);
        var query = graph.SplitHeads(_query.Emit(graph, input), _heads);
        var key = graph.SplitHeads(_key.Emit(graph, memory), _heads, transposed: true);
        var value = graph.SplitHeads(_value.Emit(graph, memory), _heads);
        var weights = graph.Softmax(graph.Add(graph.MatMul(query, key), bias)); // [N, H, T, S]
        return _output.Emit(graph, graph.MergeHeads(graph.MatMul(weights, value)));
    }

    private Tensor Heads(Tensor states) => MultiHeadAttention.Split(states, _heads);
}
