using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.NasBert;

/// <summary>The NAS-BERT encoder as ML.NET has it: separable convolutions, attention and dense layers in an order that a search found.</summary>
/// <remarks>
/// Xu et al., "NAS-BERT: Task-Agnostic and Adaptive-Size BERT Compression with Neural Architecture Search", KDD 2021. Reference: Microsoft.ML.TorchSharp
/// 0.23. What is padding is seen by the id of the padding token, as there: ML.NET's tokenizer gives this id to a quotation mark too, which then
/// stands for nothing.
/// </remarks>
internal sealed class NasBertEncoder : TextEncoder
{
    private readonly int _paddingId;
    private readonly NasBertPlan _plan;

    [ComponentName(Name = "TokenEmbedding")]
    private readonly EmbeddingLayer _words;

    [ComponentName(Name = "PositionalEmbedding")]
    private readonly PositionTable _positions;

    [ComponentName(Name = "EmbeddingLayerNorm")]
    private readonly NormalizationLayer _norm;

    [ComponentName(Name = "EmbedTransfer")]
    private readonly OptionalMap _embeddingMap;

    [ComponentName(Name = "Layers")]
    private readonly ModuleList<NasBertLayer> _layers;

    [ComponentName(Name = "HiddenTransferList")]
    private readonly ModuleList<OptionalMap> _blockMaps;

    private NasBertEncoder(ModelConfig config, NasBertConfig own)
        : base(Descriptor, own.Sizes)
    {
        _paddingId = config.OptionalInt("pad_token_id", 1);
        _plan = own.Plan;
        MaxTokens = Sizes.TokensAfter(1); // row 0 is padding's, and ML.NET leaves the last one free
        _words = new EmbeddingLayer(Sizes.VocabularySize, own.EmbeddingSize);
        _positions = new PositionTable(Sizes.PositionCount, own.EmbeddingSize);
        _norm = new NormalizationLayer(own.EmbeddingSize, Sizes.LayerNormEpsilon);
        var widths = _plan.BlockWidths;
        _embeddingMap = new OptionalMap("HiddenTransfer", own.EmbeddingSize, widths[0]);
        _layers = new ModuleList<NasBertLayer>([.. _plan.Operations.Select(operation => new NasBertLayer(operation, Sizes))]);
        _blockMaps = new ModuleList<OptionalMap>(
            [.. widths.Select((width, block) => new OptionalMap("InHiddenTransfer", width, _plan.HasMapAfter(block) ? widths[block + 1] : width))]);
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = NasBertLayout.ModelType,
        ClassName = "NasBert",
        Prefix = "Encoder",
        DefaultTargets = [LoraOptions.AllLinearName], // not every network of the search space has attention
        Head = new HeadLayout { Output = "PredictionHead.Classifier.dense" },
        PreprocessorClass = "NasBertTokenizer",
        TakesTypeIds = false,
        Create = config => new NasBertEncoder(config, NasBertConfig.Read(config)),
    };

    /// <inheritdoc/>
    public override int MaxTokens { get; }

    /// <inheritdoc/>
    protected override IEnumerable<LayerStates> States(TokenBatch batch)
    {
        var isToken = batch.Ids.NotEqualTo(_paddingId).logical_and(batch.Mask.NotEqualTo(0)); // [N, T]
        var start = batch.Frozen?.States ?? Embed(batch.Ids, isToken);
        var hasPadding = !isToken.all().item<bool>();
        var context = hasPadding
            ? new NasBertContext(AttentionMask.Hide(isToken.logical_not(), start.dtype).unsqueeze(1).unsqueeze(1), isToken.unsqueeze(-1).to(start.dtype))
            : new NasBertContext(null, null);
        return LayerStack.States(
            batch.Frozen is null ? context.WithoutPadding(start) : start, batch.Frozen, _layers.Select((layer, place) => (Layer: layer, Place: place)),
            (layer, states) => AfterLayer(layer.Place, layer.Layer.call(states, context)));
    }

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxTokens tokens)
    {
        var isToken = graph.And(
            graph.Not(graph.Equal(tokens.Ids, graph.Integer(_paddingId))), graph.Not(graph.Equal(tokens.Mask, graph.Integer(0)))); // [N, T]
        var counted = graph.Cast(isToken, OnnxElementType.Int64);
        var positions = graph.Mul(graph.CumulativeSum(counted, 1), counted); // [N, T]
        var words = graph.Add(_words.Emit(graph, tokens.Ids), _positions.Emit(graph, positions));
        var context = new OnnxContext { Mask = graph.PaddingMask(counted), Tokens = graph.Unsqueeze(graph.Cast(isToken, graph.FloatType), -1) };
        var start = graph.Mul(_embeddingMap.Emit(graph, _norm.Emit(graph, words)), context.Tokens);
        return _layers.Select((layer, place) => (Layer: layer, Place: place))
            .Aggregate(start, (states, layer) => EmitAfterLayer(graph, layer.Place, layer.Layer.Emit(graph, states, context)));
    }

    private OnnxValue EmitAfterLayer(OnnxGraph graph, int place, OnnxValue states) =>
        (place + 1) % _plan.BlockSize == 0 ? _blockMaps[place / _plan.BlockSize].Emit(graph, states) : states;

    private Tensor AfterLayer(int place, Tensor states) =>
        (place + 1) % _plan.BlockSize == 0 ? _blockMaps[place / _plan.BlockSize].call(states) : states;

    private Tensor Embed(Tensor ids, Tensor isToken)
    {
        var counted = isToken.to(ScalarType.Int64);
        var positions = counted.cumsum(1).mul(counted); // from 1 on; 0 for padding, [N, T]
        return _embeddingMap.call(_norm.call(_words.call(ids).Plus(_positions.call(positions))));
    }

    private sealed class PositionTable : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        [ComponentName(Name = "Embedding")]
        private readonly EmbeddingLayer _table;

        public PositionTable(int count, int width)
            : base(nameof(PositionTable))
        {
            _table = new EmbeddingLayer(count, width);
            RegisterComponents();
        }

        public override Tensor forward(Tensor positions) => _table.call(positions);

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input) => _table.Emit(graph, input);
    }
}
