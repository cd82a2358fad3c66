using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The DeBERTa encoder of versions 2 and 3: attention by content and by relative position.</summary>
/// <remarks>
/// He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled Attention", ICLR 2021; He, Gao and Chen, "DeBERTaV3", ICLR 2023.
/// </remarks>
internal sealed class DebertaV2Encoder : TextEncoder
{
    [ComponentName(Name = "embeddings")]
    private readonly TokenEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly RelativeLayers _layers;

    private DebertaV2Encoder(DebertaV2Config config)
        : base(Descriptor, config.Sizes, Descriptor.Head with { Activation = config.PoolerActivation })
    {
        _embeddings = new TokenEmbeddings(EmbeddingSizes.Of(config.Sizes) with
        {
            PositionCount = config.AddsPositions ? config.Sizes.PositionCount : 0,
            SegmentCount = config.SegmentCount,
            Width = config.EmbeddingSize,
        });
        _layers = new RelativeLayers(config);
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "deberta-v2",
        ClassName = "DebertaV2",
        Prefix = "deberta",
        DefaultTargets = ["query_proj", "value_proj"],
        Head = new HeadLayout { Inner = "pooler.dense", Output = "classifier" },
        PreprocessorClass = "DebertaV2Tokenizer",
        Create = config => new DebertaV2Encoder(DebertaV2Config.Read(config)),
    };

    /// <inheritdoc/>
    protected override IEnumerable<LayerStates> States(TokenBatch batch) => _layers.States(batch.Frozen?.States ?? Embed(batch), batch);

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxTokens tokens)
    {
        var embedded = _embeddings.Emit(graph, tokens);
        var mask = graph.Cast(tokens.Mask, embedded.Type); // [N, T]
        return _layers.Emit(graph, graph.Mul(embedded, graph.Unsqueeze(mask, -1)), mask);
    }

    private Tensor Embed(TokenBatch batch)
    {
        var embedded = _embeddings.Embed(batch.Ids, batch.TypeIds, TokenEmbeddings.Positions(batch.Ids));
        return batch.IsPadded ? embedded.mul(batch.Mask.to(embedded.dtype).unsqueeze(-1)) : embedded;
    }

    private sealed class RelativeLayers : nn.Module
    {
        private readonly RelativePositions _positions;

        [ComponentName(Name = "rel_embeddings")]
        private readonly SharedTable? _table;

        [ComponentName(Name = "LayerNorm")]
        private readonly NormalizationLayer? _norm;

        [ComponentName(Name = "layer")]
        private readonly ModuleList<PostNormLayer<DisentangledContext>> _layers;

        public RelativeLayers(DebertaV2Config config)
            : base(nameof(RelativeLayers))
        {
            var sizes = config.Sizes;
            _positions = config.Positions;
            _table = config.IsRelative ? new SharedTable(2L * config.Positions.Span, sizes.HiddenSize) : null;
            _norm = config.IsRelative && config.NormalizesPositions ? new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon) : null;
            _layers = new ModuleList<PostNormLayer<DisentangledContext>>([.. Enumerable.Range(0, sizes.LayerCount).Select(
                _ => new PostNormLayer<DisentangledContext>(sizes, new PostNormAttention<DisentangledContext>(sizes, new DisentangledAttention(config))))]);
            RegisterComponents();
        }

        public IEnumerable<LayerStates> States(Tensor start, TokenBatch batch)
        {
            var context = new DisentangledContext(
                AttentionMask.PaddingBothWays(batch, start.dtype),
                Table(start.shape[0]),
                _table is null ? null : _positions.Rows(start.shape[1], start.device));
            return LayerStack.States(start, batch.Frozen, _layers, (layer, states) => layer.call(states, context), batch.Packed());
        }

        public OnnxValue Emit(OnnxGraph graph, OnnxValue start, OnnxValue mask)
        {
            using var scope = graph.Enter(this);
            var seen = graph.Mul(graph.Unsqueeze(mask, 1), graph.Unsqueeze(mask, 2)); // [N, T, T]
            var table = _table?.Emit(graph); // [1, 2·S, D]
            var context = new OnnxContext
            {
                Mask = graph.Hide(graph.Unsqueeze(seen, 1)),
                Table = table is null || _norm is null ? table : _norm.Emit(graph, table),
                Rows = table is null ? null : _positions.Emit(graph, start),
            };
            return _layers.Aggregate(start, (states, layer) => layer.Emit(graph, states, context));
        }

        // [1 or N, 2·S, D]
        private Tensor? Table(long samples)
        {
            var rows = _table?.call(SharedTable.NeedsCopies(_table, _norm) ? samples : 1);
            return rows is null || _norm is null ? rows : _norm.call(rows);
        }
    }
}
