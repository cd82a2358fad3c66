using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Self-attention under the names of BERT's checkpoints; its output is projected by the next layer.</summary>
internal sealed class SelfAttention : nn.Module<Tensor, Tensor?, Tensor>, IOnnxContextLayer
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
    /// <param name="bias">Whether the three maps have biases.</param>
    public SelfAttention(long hiddenSize, int heads, bool bias = true)
        : base(nameof(SelfAttention))
    {
        _heads = heads;
        _query = new LinearLayer(hiddenSize, hiddenSize, bias);
        _key = new LinearLayer(hiddenSize, hiddenSize, bias);
        _value = new LinearLayer(hiddenSize, hiddenSize, bias);
        RegisterComponents();
    }

    /// <inheritdoc/>
    /// <param name="input">[N, T, D].</param>
    /// <param name="mask">From <see cref="AttentionMask"/>; null when nothing is hidden.</param>
    public override Tensor forward(Tensor input, Tensor? mask) =>
        MultiHeadAttention.Attend(_query.call(input), _key.call(input), _value.call(input), _heads, mask);

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
    {
        using var scope = graph.Enter(this);
        return MultiHeadAttention.Emit(graph, _query.Emit(graph, input), _key.Emit(graph, input), _value.Emit(graph, input), _heads, context.Mask);
    }
}
