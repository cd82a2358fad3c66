using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The RoBERTa and XLM-RoBERTa encoder: BERT's layers, with positions that start after the padding token's id.</summary>
/// <remarks>
/// Liu et al., "RoBERTa: A Robustly Optimized BERT Pretraining Approach", 2019; Conneau et al., "Unsupervised Cross-lingual
/// Representation Learning at Scale", ACL 2020.
/// </remarks>
internal sealed class RobertaEncoder : TextEncoder
{
    private readonly RobertaConfig _config;

    [ComponentName(Name = "embeddings")]
    private readonly TokenEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly PostNormLayers _layers;

    /// <summary>Creates the encoder with empty weights, to be filled from a checkpoint.</summary>
    public RobertaEncoder(RobertaConfig config)
        : base(nameof(RobertaEncoder), config.Sizes, new HeadLayout { Inner = "classifier.dense", Output = "classifier.out_proj" })
    {
        _config = config;
        _embeddings = new TokenEmbeddings(EmbeddingSizes.Of(config.Sizes) with { SegmentCount = config.SegmentCount });
        _layers = new PostNormLayers(config.Sizes);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override int MaxTokens => _config.Sizes.PositionCount - _config.PaddingId - 1;

    /// <inheritdoc/>
    public override string Prefix => "roberta";

    /// <inheritdoc/>
    public override IReadOnlyList<string> DefaultTargets { get; } = ["query", "value"];

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> HiddenStates(TokenBatch batch) =>
        _layers.HiddenStates(_embeddings.Embed(batch.Ids, batch.TypeIds, Positions(batch.Ids)), batch);

    // The k-th token that is not padding has position padding id + k, counted from 1; padding has the padding id.
    private Tensor Positions(Tensor ids)
    {
        using var padding = tensor((long)_config.PaddingId, ScalarType.Int64, ids.device);
        var isToken = ids.ne(padding).to(ScalarType.Int64); // [N, T]
        return isToken.cumsum(1).mul(isToken).Plus(padding);
    }
}
