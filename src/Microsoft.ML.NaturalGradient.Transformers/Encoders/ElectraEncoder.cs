using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The ELECTRA discriminator: BERT's layers, with embeddings that may be narrower and are then projected.</summary>
/// <remarks>Clark et al., "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators", ICLR 2020.</remarks>
internal sealed class ElectraEncoder : TextEncoder
{
    [ComponentName(Name = "embeddings")]
    private readonly TokenEmbeddings _embeddings;

    [ComponentName(Name = "embeddings_project")]
    private readonly LinearLayer? _projection;

    [ComponentName(Name = "encoder")]
    private readonly PostNormLayers _layers;

    private ElectraEncoder(ModelConfig config)
        : base(Descriptor, EncoderSizes.Read(config))
    {
        var (segments, width) = (EncoderSizes.SegmentCount(config, 2), EncoderSizes.Positive(config, "embedding_size"));
        _embeddings = new TokenEmbeddings(EmbeddingSizes.Of(Sizes) with { SegmentCount = segments, Width = width, OutputWidth = width });
        _projection = width == HiddenSize ? null : new LinearLayer(width, HiddenSize);
        _layers = new PostNormLayers(Sizes);
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "electra",
        ClassName = "Electra",
        Prefix = "electra",
        DefaultTargets = ["query", "value"],
        Head = new HeadLayout { Inner = "classifier.dense", Activation = "gelu", Output = "classifier.out_proj" },
        PreprocessorClass = "ElectraTokenizer",
        Create = config => new ElectraEncoder(config),
    };

    /// <inheritdoc/>
    protected override IEnumerable<LayerStates> States(TokenBatch batch) => _layers.States(() => Embed(batch), batch);

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxTokens tokens)
    {
        var embedded = _embeddings.Emit(graph, tokens);
        return _layers.Emit(graph, _projection is null ? embedded : _projection.Emit(graph, embedded), tokens);
    }

    private Tensor Embed(TokenBatch batch)
    {
        var embedded = _embeddings.Embed(batch.Ids, batch.TypeIds, TokenEmbeddings.Positions(batch.Ids));
        return _projection is null ? embedded : _projection.call(embedded);
    }
}
