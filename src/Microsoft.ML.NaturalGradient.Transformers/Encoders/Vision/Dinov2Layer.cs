using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>A pre-normalised transformer layer under the names of DINOv2's checkpoints, whose two parts are scaled before they are added.</summary>
internal sealed class Dinov2Layer : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    [ComponentName(Name = "norm1")]
    private readonly NormalizationLayer _attentionNorm;

    [ComponentName(Name = "attention")]
    private readonly ImageAttention _attention;

    [ComponentName(Name = "layer_scale1")]
    private readonly LayerScale _attentionScale;

    [ComponentName(Name = "norm2")]
    private readonly NormalizationLayer _feedForwardNorm;

    [ComponentName(Name = "mlp")]
    private readonly nn.Module<Tensor, Tensor> _feedForward;

    [ComponentName(Name = "layer_scale2")]
    private readonly LayerScale _feedForwardScale;

    /// <summary>Creates the layer with empty weights.</summary>
    /// <param name="config">The encoder's configuration.</param>
    public Dinov2Layer(Dinov2Config config)
        : base(nameof(Dinov2Layer))
    {
        var sizes = config.Sizes;
        _attentionNorm = new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon);
        _attention = new ImageAttention(sizes);
        _attentionScale = new LayerScale(sizes.HiddenSize);
        _feedForwardNorm = new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon);
        _feedForward = config.IsGated ? new GatedFeedForward(config) : new FeedForward(config);
        _feedForwardScale = new LayerScale(sizes.HiddenSize);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) // [N, T, D]
    {
        var attended = input.Plus(_attentionScale.call(_attention.call(_attentionNorm.call(input))));
        return attended.Plus(_feedForwardScale.call(_feedForward.call(_feedForwardNorm.call(attended))));
    }

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        var attended = graph.Add(_attentionScale.Emit(graph, _attention.Emit(graph, _attentionNorm.Emit(graph, input))), input);
        var forward = ((IOnnxLayer)_feedForward).Emit(graph, _feedForwardNorm.Emit(graph, attended));
        return graph.Add(_feedForwardScale.Emit(graph, forward), attended);
    }

    private sealed class FeedForward : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        private readonly Activation _activation;

        [ComponentName(Name = "fc1")]
        private readonly LinearLayer _first;

        [ComponentName(Name = "fc2")]
        private readonly LinearLayer _second;

        public FeedForward(Dinov2Config config)
            : base(nameof(FeedForward))
        {
            _activation = Activation.Named(config.Sizes.Activation);
            _first = new LinearLayer(config.Sizes.HiddenSize, config.IntermediateSize);
            _second = new LinearLayer(config.IntermediateSize, config.Sizes.HiddenSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _second.call(_activation.Apply(_first.call(input)));

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
        {
            using var scope = graph.Enter(this);
            return _second.Emit(graph, _activation.Emit(graph, _first.Emit(graph, input)));
        }
    }

    /// <remarks>Shazeer, "GLU Variants Improve Transformer", 2020, eq. (6): silu(xW) ∘ (xV), W and V in one layer.</remarks>
    private sealed class GatedFeedForward : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        [ComponentName(Name = "weights_in")]
        private readonly LinearLayer _input;

        [ComponentName(Name = "weights_out")]
        private readonly LinearLayer _output;

        public GatedFeedForward(Dinov2Config config)
            : base(nameof(GatedFeedForward))
        {
            _input = new LinearLayer(config.Sizes.HiddenSize, 2L * config.IntermediateSize);
            _output = new LinearLayer(config.IntermediateSize, config.Sizes.HiddenSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var parts = _input.call(input).chunk(2, -1);
            return _output.call(nn.functional.silu(parts[0]).mul(parts[1]));
        }

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
        {
            using var scope = graph.Enter(this);
            var parts = graph.Split(_input.Emit(graph, input), 2);
            return _output.Emit(graph, graph.Mul(graph.Silu(parts[0]), parts[1]));
        }
    }
}
