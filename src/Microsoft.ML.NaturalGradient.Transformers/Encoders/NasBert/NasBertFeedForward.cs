using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.NasBert;

/// <summary>A NAS-BERT layer of two dense layers, added to what it reads and normalised.</summary>
internal sealed class NasBertFeedForward : nn.Module<Tensor, NasBertContext, Tensor>, IOnnxContextLayer
{
    [ComponentName(Name = "FullConnects")]
    private readonly Maps _maps;

    [ComponentName(Name = "FinalLayerNorm")]
    private readonly NormalizationLayer _norm;

    /// <summary>Creates the layer with empty weights.</summary>
    /// <param name="width">Width D.</param>
    /// <param name="sizes">The encoder's sizes.</param>
    public NasBertFeedForward(int width, EncoderSizes sizes)
        : base(nameof(NasBertFeedForward))
    {
        _maps = new Maps(width, sizes);
        _norm = new NormalizationLayer(width, sizes.LayerNormEpsilon);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, NasBertContext context) => _norm.call(_maps.call(input).Plus(input));

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
    {
        using var scope = graph.Enter(this);
        return _norm.Emit(graph, graph.Add(_maps.Emit(graph, input), input));
    }

    private sealed class Maps : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        private readonly Activation _activation;

        [ComponentName(Name = "fc1")]
        private readonly LinearLayer _inner;

        [ComponentName(Name = "fc2")]
        private readonly LinearLayer _outer;

        public Maps(int width, EncoderSizes sizes)
            : base(nameof(Maps))
        {
            _activation = Activation.Named(sizes.Activation);
            _inner = new LinearLayer(width, NasBertLayout.FeedForwardFactor * width);
            _outer = new LinearLayer(NasBertLayout.FeedForwardFactor * width, width);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _outer.call(_activation.Apply(_inner.call(input)));

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
        {
            using var scope = graph.Enter(this);
            return _outer.Emit(graph, _activation.Emit(graph, _inner.Emit(graph, input)));
        }
    }
}
