using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The ModernBERT encoder: rotary positions, global and local attention in turn, pre-normalised layers with gated activations.</summary>
/// <remarks>
/// Warner et al., "Smarter, Better, Faster, Longer: A Modern Bidirectional Encoder for Fast, Memory Efficient, and Long Context
/// Finetuning and Inference", ACL 2025.
/// </remarks>
internal sealed class ModernBertEncoder : TextEncoder
{
    private readonly ModernBertConfig _config;

    [ComponentName(Name = "embeddings")]
    private readonly Embeddings _embeddings;

    [ComponentName(Name = "layers")]
    private readonly ModuleList<Layer> _layers;

    [ComponentName(Name = "final_norm")]
    private readonly NormalizationLayer _finalNorm;

    private ModernBertEncoder(ModernBertConfig config)
        : base(Descriptor, config.Sizes, HeadOf(config))
    {
        _config = config;
        _embeddings = new Embeddings(config);
        _layers = new ModuleList<Layer>([.. Enumerable.Range(0, config.Sizes.LayerCount).Select(layer => new Layer(config, layer))]);
        _finalNorm = Norm(config);
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "modernbert",
        ClassName = "ModernBert",
        Prefix = "model",
        DefaultTargets = ["Wqkv"], // one layer makes queries, keys and values
        Head = new HeadLayout { Inner = "head.dense", Norm = "head.norm", Output = "classifier" },
        TakesTypeIds = false,
        Create = config => new ModernBertEncoder(ModernBertConfig.Read(config)),
    };

    /// <inheritdoc/>
    public override HeadLayout HeadOf(HeadKind kind) => kind == HeadKind.Whole ? Head : HeadOf(_config);

    /// <inheritdoc/>
    /// <remarks>Before the final normalisation.</remarks>
    protected override IEnumerable<LayerStates> States(TokenBatch batch)
    {
        var start = batch.Frozen?.States ?? _embeddings.call(batch.Ids);
        var context = new[] { Context(batch, start, isLocal: false), Context(batch, start, isLocal: true) };
        return LayerStack.States(
            start, batch.Frozen, _layers.Zip(_config.IsLocal), (layer, states) => layer.First.call(states, context[layer.Second ? 1 : 0]),
            batch.Packed());
    }

    /// <inheritdoc/>
    public override Tensor Encode(TokenBatch batch) => _finalNorm.call(base.Encode(batch));

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxTokens tokens)
    {
        var start = _embeddings.Emit(graph, tokens.Ids);
        var (whole, local) = (Of(isLocal: false), Of(isLocal: true));
        var last = _layers.Zip(_config.IsLocal).Aggregate(start, (states, layer) => layer.First.Emit(graph, states, layer.Second ? local : whole));
        return _finalNorm.Emit(graph, last);

        OnnxContext Of(bool isLocal) => _config.IsLocal.Contains(isLocal) ? Context(graph, tokens, start, isLocal) : new OnnxContext();
    }

    /// <inheritdoc/>
    public override bool HeadReadsMean => base.HeadReadsMean || _config.HeadReadsMean;

    /// <inheritdoc/>
    protected override OnnxValue EmitPoolForOwnHead(OnnxGraph graph, OnnxValue hidden, OnnxValue mask) =>
        _config.HeadReadsMean ? Pooling.EmitMean(graph, hidden, mask) : base.EmitPoolForOwnHead(graph, hidden, mask);

    /// <inheritdoc/>
    protected override Tensor PoolForOwnHead(Tensor hidden, Tensor mask) =>
        _config.HeadReadsMean ? Pooling.Mean(hidden, mask) : base.PoolForOwnHead(hidden, mask);

    private static HeadLayout HeadOf(ModernBertConfig config) => Descriptor.Head with
    {
        InnerBias = config.HeadBias,
        Activation = config.HeadActivation,
        NormEpsilon = config.Sizes.LayerNormEpsilon,
        NormBias = config.NormalizationBias,
    };

    private static NormalizationLayer Norm(ModernBertConfig config) =>
        new(config.Sizes.HiddenSize, config.Sizes.LayerNormEpsilon, config.NormalizationBias);

    private LayerContext Context(TokenBatch batch, Tensor embedded, bool isLocal) => new(
        isLocal ? AttentionMask.Window(batch, _config.Window / 2, embedded.dtype) : AttentionMask.Padding(batch, embedded.dtype),
        RotaryPositions.Create(
            embedded.shape[1], HiddenSize / _config.Sizes.HeadCount, isLocal ? _config.LocalTheta : _config.GlobalTheta, embedded));

    private OnnxContext Context(OnnxGraph graph, OnnxTokens tokens, OnnxValue embedded, bool isLocal)
    {
        var (cosines, sines) = RotaryPositions.Emit(
            graph, isLocal ? "local_positions" : "global_positions", Sizes.PositionCount, HiddenSize / _config.Sizes.HeadCount,
            isLocal ? _config.LocalTheta : _config.GlobalTheta, embedded);
        return new OnnxContext
        {
            Mask = isLocal ? AttentionMask.EmitWindow(graph, tokens.Mask, _config.Window / 2) : graph.PaddingMask(tokens.Mask),
            Cosines = cosines,
            Sines = sines,
        };
    }

    private sealed class LayerContext(Tensor? mask, RotaryPositions positions)
    {
        public Tensor? Mask { get; } = mask;

        public RotaryPositions Positions { get; } = positions;
    }

    private sealed class Embeddings : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        [ComponentName(Name = "tok_embeddings")]
        private readonly EmbeddingLayer _words;

        [ComponentName(Name = "norm")]
        private readonly NormalizationLayer _norm;

        public Embeddings(ModernBertConfig config)
            : base(nameof(Embeddings))
        {
            _words = new EmbeddingLayer(config.Sizes.VocabularySize, config.Sizes.HiddenSize);
            _norm = Norm(config);
            RegisterComponents();
        }

        public override Tensor forward(Tensor ids) => _norm.call(_words.call(ids));

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input) => _norm.Emit(graph, _words.Emit(graph, input));
    }

    private sealed class Layer : nn.Module<Tensor, LayerContext, Tensor>, IOnnxContextLayer
    {
        [ComponentName(Name = "attn_norm")]
        private readonly NormalizationLayer? _attentionNorm;

        [ComponentName(Name = "attn")]
        private readonly Attention _attention;

        [ComponentName(Name = "mlp_norm")]
        private readonly NormalizationLayer _feedForwardNorm;

        [ComponentName(Name = "mlp")]
        private readonly GatedFeedForward _feedForward;

        public Layer(ModernBertConfig config, int index)
            : base(nameof(Layer))
        {
            _attentionNorm = index == 0 ? null : Norm(config); // the embeddings are normalised already
            _attention = new Attention(config);
            _feedForwardNorm = Norm(config);
            _feedForward = new GatedFeedForward(config);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, LayerContext context)
        {
            var attended = input.Plus(_attention.call(_attentionNorm is null ? input : _attentionNorm.call(input), context));
            return attended.Plus(_feedForward.call(_feedForwardNorm.call(attended)));
        }

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
        {
            using var scope = graph.Enter(this);
            var attended = graph.Add(_attention.Emit(graph, _attentionNorm is null ? input : _attentionNorm.Emit(graph, input), context), input);
            return graph.Add(_feedForward.Emit(graph, _feedForwardNorm.Emit(graph, attended)), attended);
        }
    }

    private sealed class Attention : nn.Module<Tensor, LayerContext, Tensor>, IOnnxContextLayer
    {
        private readonly int _heads;

        [ComponentName(Name = "Wqkv")]
        private readonly LinearLayer _queryKeyValue;

        [ComponentName(Name = "Wo")]
        private readonly LinearLayer _output;

        public Attention(ModernBertConfig config)
            : base(nameof(Attention))
        {
            var width = config.Sizes.HiddenSize;
            _heads = config.Sizes.HeadCount;
            _queryKeyValue = new LinearLayer(width, 3L * width, config.AttentionBias);
            _output = new LinearLayer(width, width, config.AttentionBias);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, LayerContext context)
        {
            var parts = _queryKeyValue.call(input).chunk(3, -1).Select(part => MultiHeadAttention.Split(part, _heads)).ToArray(); // [N, H, T, d] each
            return _output.call(MultiHeadAttention.Attend(
                context.Positions.Rotate(parts[0]), context.Positions.Rotate(parts[1]), parts[2], context.Mask));
        }

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
        {
            using var scope = graph.Enter(this);
            var parts = graph.Split(_queryKeyValue.Emit(graph, input), 3).Select(part => graph.SplitHeads(part, _heads)).ToArray(); // [N, H, T, d] each
            var (query, key) = (RotaryPositions.EmitRotate(graph, parts[0], context), RotaryPositions.EmitRotate(graph, parts[1], context));
            return _output.Emit(graph, graph.Attend(query, graph.Transpose(key, 0, 1, 3, 2), parts[2], context.Mask));
        }
    }

    /// <remarks>Shazeer, "GLU Variants Improve Transformer", 2020: activation(xW) ∘ (xV), W and V in one layer.</remarks>
    private sealed class GatedFeedForward : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        private readonly Activation _activation;

        [ComponentName(Name = "Wi")]
        private readonly LinearLayer _input;

        [ComponentName(Name = "Wo")]
        private readonly LinearLayer _output;

        public GatedFeedForward(ModernBertConfig config)
            : base(nameof(GatedFeedForward))
        {
            var (width, inner) = (config.Sizes.HiddenSize, config.Sizes.IntermediateSize);
            _activation = Activation.Named(config.Sizes.Activation);
            _input = new LinearLayer(width, 2L * inner, config.FeedForwardBias);
            _output = new LinearLayer(inner, width, config.FeedForwardBias);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var parts = _input.call(input).chunk(2, -1);
            return _output.call(_activation.Apply(parts[0]).mul(parts[1]));
        }

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
        {
            using var scope = graph.Enter(this);
            var parts = graph.Split(_input.Emit(graph, input), 2);
            return _output.Emit(graph, graph.Mul(_activation.Emit(graph, parts[0]), parts[1]));
        }
    }
}
