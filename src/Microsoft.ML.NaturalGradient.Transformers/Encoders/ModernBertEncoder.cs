using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
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
    protected override IEnumerable<Tensor> States(TokenBatch batch)
    {
        var start = batch.Frozen?.States ?? _embeddings.call(batch.Ids);
        var context = new[] { Context(batch, start, isLocal: false), Context(batch, start, isLocal: true) };
        return LayerStack.States(
            start, batch.Frozen, _layers.Zip(_config.IsLocal), (layer, states) => layer.First.call(states, context[layer.Second ? 1 : 0]));
    }

    /// <inheritdoc/>
    public override Tensor Encode(TokenBatch batch) => _finalNorm.call(base.Encode(batch));

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

    private sealed class LayerContext(Tensor? mask, RotaryPositions positions)
    {
        public Tensor? Mask { get; } = mask;

        public RotaryPositions Positions { get; } = positions;
    }

    private sealed class Embeddings : nn.Module<Tensor, Tensor>
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
    }

    private sealed class Layer : nn.Module<Tensor, LayerContext, Tensor>
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
    }

    private sealed class Attention : nn.Module<Tensor, LayerContext, Tensor>
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
    }

    /// <remarks>Shazeer, "GLU Variants Improve Transformer", 2020: activation(xW) ∘ (xV), W and V in one layer.</remarks>
    private sealed class GatedFeedForward : nn.Module<Tensor, Tensor>
    {
        private readonly Func<Tensor, Tensor> _activation;

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
            return _output.call(_activation(parts[0]).mul(parts[1]));
        }
    }
}
