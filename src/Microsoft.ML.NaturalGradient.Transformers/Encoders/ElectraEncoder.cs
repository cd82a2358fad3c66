using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
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

    /// <summary>Creates the encoder with empty weights, to be filled from a checkpoint.</summary>
    public ElectraEncoder(ElectraConfig config)
        : base(
            nameof(ElectraEncoder),
            config.Sizes,
            new HeadLayout { Inner = "classifier.dense", Activation = "gelu", Output = "classifier.out_proj" })
    {
        var sizes = EmbeddingSizes.Of(config.Sizes) with { SegmentCount = config.SegmentCount, Width = config.EmbeddingSize };
        _embeddings = new TokenEmbeddings(sizes with { OutputWidth = config.EmbeddingSize });
        _projection = config.EmbeddingSize == config.Sizes.HiddenSize ? null : new LinearLayer(config.EmbeddingSize, config.Sizes.HiddenSize);
        _layers = new PostNormLayers(config.Sizes);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override string Prefix => "electra";

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets { get; } = ["query", "value"];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> HiddenStates(TokenBatch batch)
    {
        var embedded = _embeddings.Embed(batch.Ids, batch.TypeIds, TokenEmbeddings.Positions(batch.Ids));
        return _layers.HiddenStates(_projection is null ? embedded : _projection.call(embedded), batch);
    }
}
