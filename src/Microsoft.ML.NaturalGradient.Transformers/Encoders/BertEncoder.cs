using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The BERT encoder: learned positions and segments, post-normalised layers.</summary>
/// <remarks>Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", NAACL 2019.</remarks>
internal sealed class BertEncoder : TextEncoder
{
    [ComponentName(Name = "embeddings")]
    private readonly TokenEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly PostNormLayers _layers;

    [ComponentName(Name = "pooler")]
    private readonly BertPooler? _pooler;

    private BertEncoder(ModelConfig config)
        : base(Descriptor, EncoderSizes.Read(config))
    {
        _embeddings = new TokenEmbeddings(EmbeddingSizes.Of(Sizes) with { SegmentCount = EncoderSizes.SegmentCount(config, 2) });
        _layers = new PostNormLayers(Sizes);
        _pooler = HasClassificationHead ? new BertPooler(HiddenSize) : null;
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "bert",
        ClassName = "Bert",
        Prefix = "bert",
        DefaultTargets = ["query", "value"],
        PreprocessorClass = "BertTokenizer",
        HasPooler = true,
        Create = config => new BertEncoder(config),
    };

    /// <inheritdoc/>
    protected override IEnumerable<LayerStates> States(TokenBatch batch) =>
        _layers.States(() => _embeddings.Embed(batch.Ids, batch.TypeIds, TokenEmbeddings.Positions(batch.Ids)), batch);

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxTokens tokens) => _layers.Emit(graph, _embeddings.Emit(graph, tokens), tokens);

    /// <inheritdoc/>
    /// <remarks>
    /// The pooler, tanh of a linear map of the first token's vector, as a checkpoint with a classification head was trained. It
    /// belongs to the encoder, and so it is frozen with it.
    /// </remarks>
    protected override Tensor PoolForOwnHead(Tensor hidden, Tensor mask) => _pooler!.call(hidden);

    /// <inheritdoc/>
    protected override OnnxValue EmitPoolForOwnHead(OnnxGraph graph, OnnxValue hidden, OnnxValue mask) => _pooler!.Emit(graph, hidden);

    private sealed class BertPooler : nn.Module<Tensor, Tensor>, IOnnxLayer
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

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
        {
            using var scope = graph.Enter(this);
            return graph.Tanh(_dense.Emit(graph, graph.Select(input, 1, 0)));
        }
    }
}
