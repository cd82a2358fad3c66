using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The MPNet encoder: RoBERTa's positions, and T5's relative positions, which all layers share.</summary>
/// <remarks>Song et al., "MPNet: Masked and Permuted Pre-training for Language Understanding", NeurIPS 2020.</remarks>
internal sealed class MPNetEncoder : TextEncoder
{
    // The published models were trained with these numbers, whatever their configuration says.
    private const int PaddingId = 1;
    private const int BucketCount = 32;
    private const int FarthestDistance = 128;

    [ComponentName(Name = "embeddings")]
    private readonly TokenEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly PostNormLayers _layers;

    private MPNetEncoder(ModelConfig config)
        : base(Descriptor, EncoderSizes.Read(config))
    {
        MaxTokens = Sizes.TokensAfter(PaddingId);
        var rows = EncoderSizes.OptionalPositive(config, "relative_attention_num_buckets", BucketCount, least: BucketCount);
        var positions = new RelativePositionBias(rows, HeadCount, BucketCount, FarthestDistance, bothWays: true);
        _embeddings = new TokenEmbeddings(EmbeddingSizes.Of(Sizes));
        _layers = new PostNormLayers(Sizes, () => new Attention(Sizes), positions);
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "mpnet",
        ClassName = "MPNet",
        Prefix = "mpnet",
        DefaultTargets = ["q", "v"],
        Head = new HeadLayout { Inner = "classifier.dense", Output = "classifier.out_proj" },
        PreprocessorClass = "MPNetTokenizer",
        TakesTypeIds = false,
        HasPooler = true,
        Create = config => new MPNetEncoder(config),
    };

    /// <inheritdoc/>
    public override int MaxTokens { get; }

    /// <inheritdoc/>
    protected override IEnumerable<LayerStates> States(TokenBatch batch) =>
        _layers.States(() => _embeddings.Embed(batch.Ids, null, TokenEmbeddings.PositionsAfter(PaddingId, batch.Ids)), batch);

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxTokens tokens) =>
        _layers.Emit(graph, _embeddings.Emit(graph, tokens, TokenEmbeddings.EmitPositionsAfter(graph, PaddingId, tokens.Ids)), tokens);

    private sealed class Attention : nn.Module<Tensor, Tensor?, Tensor>, IOnnxContextLayer
    {
        [ComponentName(Name = "attn")]
        private readonly ProjectedAttention _attention;

        [ComponentName(Name = "LayerNorm")]
        private readonly NormalizationLayer _norm;

        public Attention(EncoderSizes sizes)
            : base(nameof(Attention))
        {
            _attention = new ProjectedAttention(sizes, "q", "k", "v", "o");
            _norm = new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, Tensor? mask) => _norm.call(_attention.call(input, mask).Plus(input));

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
        {
            using var scope = graph.Enter(this);
            return _norm.Emit(graph, graph.Add(_attention.Emit(graph, input, context), input));
        }
    }
}
