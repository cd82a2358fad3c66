using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The BERT encoder: learned positions and segments, post-normalised layers.</summary>
/// <remarks>Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", NAACL 2019.</remarks>
internal sealed class BertEncoder : TextEncoder
{
    private readonly BertConfig _config;

    [ComponentName(Name = "embeddings")]
    private readonly BertEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly BertLayers _layers;

    [ComponentName(Name = "pooler")]
    private readonly BertPooler? _pooler;

    /// <summary>Creates the encoder with empty weights, to be filled from a checkpoint.</summary>
    public BertEncoder(BertConfig config)
        : base(nameof(BertEncoder))
    {
        _config = config;
        _embeddings = new BertEmbeddings(config);
        _layers = new BertLayers(config);
        _pooler = config.UsesPooler ? new BertPooler(config.HiddenSize) : null;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override int HiddenSize => _config.HiddenSize;

    /// <inheritdoc/>
    public override int MaxTokens => _config.PositionCount;

    /// <inheritdoc/>
    public override int VocabularySize => _config.VocabularySize;

    /// <inheritdoc/>
    public override string Prefix => "bert";

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets { get; } = ["query", "value"];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> HiddenStates(TokenBatch batch)
    {
        var states = new List<Tensor> { _embeddings.Embed(batch) };
        var mask = batch.IsPadded ? SelfAttention.AdditiveMask(batch.Mask, states[0].dtype) : null;
        foreach (var layer in _layers.Layers)
        {
            states.Add(layer.call(states[^1], mask));
        }

        return states;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// With a pooler, tanh of a linear map of the first token's vector, as a checkpoint with a classification head was trained; else
    /// the masked mean, as sentence encoders were.
    /// </remarks>
    public override Tensor Pool(TokenBatch batch)
    {
        var last = HiddenStates(batch)[^1];
        return _pooler is null ? Pooling.Mean(last, batch.Mask) : _pooler.call(last);
    }

    private sealed class BertEmbeddings : nn.Module
    {
        [ComponentName(Name = "word_embeddings")]
        private readonly EmbeddingLayer _words;

        [ComponentName(Name = "position_embeddings")]
        private readonly EmbeddingLayer _positions;

        [ComponentName(Name = "token_type_embeddings")]
        private readonly EmbeddingLayer _segments;

        [ComponentName(Name = "LayerNorm")]
        private readonly NormalizationLayer _norm;

        public BertEmbeddings(BertConfig config)
            : base(nameof(BertEmbeddings))
        {
            _words = new EmbeddingLayer(config.VocabularySize, config.HiddenSize);
            _positions = new EmbeddingLayer(config.PositionCount, config.HiddenSize);
            _segments = new EmbeddingLayer(config.SegmentCount, config.HiddenSize);
            _norm = new NormalizationLayer(config.HiddenSize, config.LayerNormEpsilon);
            RegisterComponents();
        }

        public Tensor Embed(TokenBatch batch)
        {
            var positions = arange(batch.Ids.shape[1], device: batch.Ids.device).expand(batch.Ids.shape); // [N, T]
            var sum = _words.call(batch.Ids).Plus(_segments.call(batch.TypeIds)).Plus(_positions.call(positions));
            return _norm.call(sum);
        }
    }

    private sealed class BertLayers : nn.Module
    {
        [ComponentName(Name = "layer")]
        private readonly ModuleList<BertLayer> _layers;

        public BertLayers(BertConfig config)
            : base(nameof(BertLayers))
        {
            _layers = new ModuleList<BertLayer>([.. Enumerable.Range(0, config.LayerCount).Select(_ => new BertLayer(config))]);
            RegisterComponents();
        }

        public IEnumerable<BertLayer> Layers => _layers;
    }

    private sealed class BertLayer : nn.Module<Tensor, Tensor?, Tensor>
    {
        private readonly Func<Tensor, Tensor> _activation;

        [ComponentName(Name = "attention")]
        private readonly BertAttention _attention;

        [ComponentName(Name = "intermediate")]
        private readonly Dense _intermediate;

        [ComponentName(Name = "output")]
        private readonly DenseAddNorm _output;

        public BertLayer(BertConfig config)
            : base(nameof(BertLayer))
        {
            _activation = Activation.Named(config.Activation);
            _attention = new BertAttention(config);
            _intermediate = new Dense(config.HiddenSize, config.IntermediateSize);
            _output = new DenseAddNorm(config.IntermediateSize, config);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, Tensor? mask)
        {
            var attended = _attention.call(input, mask);
            return _output.call(_activation(_intermediate.call(attended)), attended);
        }
    }

    private sealed class BertAttention : nn.Module<Tensor, Tensor?, Tensor>
    {
        [ComponentName(Name = "self")]
        private readonly SelfAttention _self;

        [ComponentName(Name = "output")]
        private readonly DenseAddNorm _output;

        public BertAttention(BertConfig config)
            : base(nameof(BertAttention))
        {
            _self = new SelfAttention(config.HiddenSize, config.HeadCount);
            _output = new DenseAddNorm(config.HiddenSize, config);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, Tensor? mask) => _output.call(_self.call(input, mask), input);
    }

    private sealed class Dense : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "dense")]
        private readonly LinearLayer _dense;

        public Dense(long inputSize, long outputSize)
            : base(nameof(Dense))
        {
            _dense = new LinearLayer(inputSize, outputSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _dense.call(input);
    }

    private sealed class DenseAddNorm : nn.Module<Tensor, Tensor, Tensor>
    {
        [ComponentName(Name = "dense")]
        private readonly LinearLayer _dense;

        [ComponentName(Name = "LayerNorm")]
        private readonly NormalizationLayer _norm;

        public DenseAddNorm(long inputSize, BertConfig config)
            : base(nameof(DenseAddNorm))
        {
            _dense = new LinearLayer(inputSize, config.HiddenSize);
            _norm = new NormalizationLayer(config.HiddenSize, config.LayerNormEpsilon);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, Tensor residual) => _norm.call(_dense.call(input).Plus(residual));
    }

    private sealed class BertPooler : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "dense")]
        private readonly LinearLayer _dense;

        public BertPooler(long hiddenSize)
            : base(nameof(BertPooler))
        {
            _dense = new LinearLayer(hiddenSize, hiddenSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor hidden) => _dense.call(hidden.select(1, 0)).tanh();
    }
}
