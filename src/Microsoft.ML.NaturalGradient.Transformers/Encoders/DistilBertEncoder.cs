using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The DistilBERT encoder: BERT's layers under other names, without segments.</summary>
/// <remarks>Sanh et al., "DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter", 2019.</remarks>
internal sealed class DistilBertEncoder : TextEncoder
{
    private static readonly EncoderFields Fields = new()
    {
        HiddenSize = "dim",
        LayerCount = "n_layers",
        HeadCount = "n_heads",
        IntermediateSize = "hidden_dim",
        Activation = "activation",
        LayerNormEpsilon = null, // fixed in the published code
    };

    [ComponentName(Name = "embeddings")]
    private readonly TokenEmbeddings _embeddings;

    [ComponentName(Name = "transformer")]
    private readonly LayerList _transformer;

    private DistilBertEncoder(ModelConfig config)
        : base(Descriptor, EncoderSizes.Read(config, Fields))
    {
        _embeddings = new TokenEmbeddings(EmbeddingSizes.Of(Sizes));
        _transformer = new LayerList(Sizes);
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "distilbert",
        ClassName = "DistilBert",
        Prefix = "distilbert",
        DefaultTargets = ["q_lin", "v_lin"],
        Head = new HeadLayout { Inner = "pre_classifier", Activation = "relu", Output = "classifier" },
        PreprocessorClass = "DistilBertTokenizer",
        TakesTypeIds = false,
        Create = config => new DistilBertEncoder(config),
    };

    /// <inheritdoc/>
    protected override IEnumerable<LayerStates> States(TokenBatch batch)
    {
        var start = batch.Frozen?.States ?? _embeddings.Embed(batch.Ids, null, TokenEmbeddings.Positions(batch.Ids));
        var mask = AttentionMask.Padding(batch, start.dtype);
        return LayerStack.States(start, batch.Frozen, _transformer.Layers, (layer, states) => layer.call(states, mask), batch.Packed());
    }

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxTokens tokens)
    {
        var start = _embeddings.Emit(graph, tokens);
        var context = new OnnxContext { Mask = graph.PaddingMask(tokens.Mask) };
        return _transformer.Layers.Aggregate(start, (states, layer) => layer.Emit(graph, states, context));
    }

    private sealed class LayerList : nn.Module
    {
        [ComponentName(Name = "layer")]
        private readonly ModuleList<Layer> _layers;

        public LayerList(EncoderSizes sizes)
            : base(nameof(LayerList))
        {
            _layers = new ModuleList<Layer>([.. Enumerable.Range(0, sizes.LayerCount).Select(_ => new Layer(sizes))]);
            RegisterComponents();
        }

        public IEnumerable<Layer> Layers => _layers;
    }

    private sealed class Layer : nn.Module<Tensor, Tensor?, Tensor>, IOnnxContextLayer
    {
        [ComponentName(Name = "attention")]
        private readonly ProjectedAttention _attention;

        [ComponentName(Name = "sa_layer_norm")]
        private readonly NormalizationLayer _attentionNorm;

        [ComponentName(Name = "ffn")]
        private readonly FeedForward _feedForward;

        [ComponentName(Name = "output_layer_norm")]
        private readonly NormalizationLayer _outputNorm;

        public Layer(EncoderSizes sizes)
            : base(nameof(Layer))
        {
            _attention = new ProjectedAttention(sizes, "q_lin", "k_lin", "v_lin", "out_lin");
            _attentionNorm = new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon);
            _feedForward = new FeedForward(sizes);
            _outputNorm = new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, Tensor? mask)
        {
            var attended = _attentionNorm.call(_attention.call(input, mask).Plus(input));
            return _outputNorm.call(_feedForward.call(attended).Plus(attended));
        }

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
        {
            using var scope = graph.Enter(this);
            var attended = _attentionNorm.Emit(graph, graph.Add(_attention.Emit(graph, input, context), input));
            return _outputNorm.Emit(graph, graph.Add(_feedForward.Emit(graph, attended), attended));
        }
    }

    private sealed class FeedForward : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        private readonly Activation _activation;

        [ComponentName(Name = "lin1")]
        private readonly LinearLayer _first;

        [ComponentName(Name = "lin2")]
        private readonly LinearLayer _second;

        public FeedForward(EncoderSizes sizes)
            : base(nameof(FeedForward))
        {
            _activation = Activation.Named(sizes.Activation);
            _first = new LinearLayer(sizes.HiddenSize, sizes.IntermediateSize);
            _second = new LinearLayer(sizes.IntermediateSize, sizes.HiddenSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _second.call(_activation.Apply(_first.call(input)));

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
        {
            using var scope = graph.Enter(this);
            return _second.Emit(graph, _activation.Emit(graph, _first.Emit(graph, input)));
        }
    }
}
