using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.T5;

/// <summary>The feed-forward part: W_o·relu(W_i x), or with a gate W_o·(gelu(W_0 x) ∘ W_1 x).</summary>
/// <remarks>Shazeer, "GLU Variants Improve Transformer", 2020, eq. (6), with GELU in its tanh form.</remarks>
internal sealed class T5FeedForward : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    private static readonly Activation Relu = Activation.Named("relu");
    private static readonly Activation Gelu = Activation.Named("gelu_new");

    [ComponentName(Name = "wi")]
    private readonly LinearLayer? _inner;

    [ComponentName(Name = "wi_0")]
    private readonly LinearLayer? _gate;

    [ComponentName(Name = "wi_1")]
    private readonly LinearLayer? _gated;

    [ComponentName(Name = "wo")]
    private readonly LinearLayer _outer;

    /// <summary>Creates the layer with zero weights.</summary>
    /// <param name="config">The sizes.</param>
    public T5FeedForward(T5Config config)
        : base(nameof(T5FeedForward))
    {
        _inner = config.IsGated ? null : New(config.HiddenSize, config.IntermediateSize);
        _gate = config.IsGated ? New(config.HiddenSize, config.IntermediateSize) : null;
        _gated = config.IsGated ? New(config.HiddenSize, config.IntermediateSize) : null;
        _outer = New(config.IntermediateSize, config.HiddenSize);
        RegisterComponents();

        static LinearLayer New(long input, long output) => new(input, output, bias: false);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => // [N, T, D] -> [N, T, D]
        _outer.call(_inner is null ? Gelu.Apply(_gate!.call(input)).mul(_gated!.call(input)) : Relu.Apply(_inner.call(input)));

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        return _outer.Emit(graph, _inner is null
            ? graph.Mul(Gelu.Emit(graph, _gate!.Emit(graph, input)), _gated!.Emit(graph, input))
            : Relu.Emit(graph, _inner.Emit(graph, input)));
    }
}
