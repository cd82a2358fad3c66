using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The encoder of RoBERTa, XLM-RoBERTa and CamemBERT: BERT's layers, with positions that start after the padding token's id.</summary>
/// <remarks>
/// Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach", 2019; Conneau et al., "Unsupervised Cross-lingual
/// Representation Learning at Scale", ACL 2020; Martin et al., "CamemBERT: a Tasty French Language Model", ACL 2020.
/// </remarks>
internal sealed class RobertaEncoder : TextEncoder
{
    private readonly int _paddingId;

    [ComponentName(Name = "embeddings")]
    private readonly TokenEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly PostNormLayers _layers;

    private RobertaEncoder(Architecture architecture, ModelConfig config)
        : base(architecture, EncoderSizes.Read(config))
    {
        _paddingId = config.OptionalInt("pad_token_id", 1);
        MaxTokens = Sizes.TokensAfter(_paddingId);
        _embeddings = new TokenEmbeddings(EmbeddingSizes.Of(Sizes) with
        {
            SegmentCount = EncoderSizes.SegmentCount(config, 1),
            LayerNormEpsilon = EncoderSizes.Epsilon(config, "embedding_layer_norm_eps", Sizes.LayerNormEpsilon), // ML.NET's has its own
        });
        _layers = new PostNormLayers(Sizes);
        RegisterComponents();
    }

    /// <summary>RoBERTa.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "roberta",
        ClassName = "Roberta",
        Prefix = "roberta",
        DefaultTargets = ["query", "value"],
        Head = new HeadLayout { Inner = "classifier.dense", Output = "classifier.out_proj" },
        PreprocessorClass = "RobertaTokenizer",
        HasPooler = true,
        Create = config => new RobertaEncoder(Descriptor!, config),
    };

    /// <summary>XLM-RoBERTa: RoBERTa with a vocabulary of 100 languages.</summary>
    public static Architecture XlmDescriptor { get; } = Descriptor with
    {
        ModelType = "xlm-roberta",
        ClassName = "XLMRoberta",
        PreprocessorClass = "XLMRobertaTokenizer",
        Create = config => new RobertaEncoder(XlmDescriptor!, config),
    };

    /// <summary>CamemBERT: RoBERTa with a French vocabulary.</summary>
    public static Architecture CamembertDescriptor { get; } = Descriptor with
    {
        ModelType = "camembert",
        ClassName = "Camembert",
        PreprocessorClass = "CamembertTokenizer",
        Create = config => new RobertaEncoder(CamembertDescriptor!, config),
    };

    /// <inheritdoc/>
    public override int MaxTokens { get; }

    /// <inheritdoc/>
    protected override IEnumerable<LayerStates> States(TokenBatch batch) =>
        _layers.States(() => _embeddings.Embed(batch.Ids, batch.TypeIds, TokenEmbeddings.PositionsAfter(_paddingId, batch.Ids)), batch);

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxTokens tokens) =>
        _layers.Emit(graph, _embeddings.Emit(graph, tokens, TokenEmbeddings.EmitPositionsAfter(graph, _paddingId, tokens.Ids)), tokens);
}
