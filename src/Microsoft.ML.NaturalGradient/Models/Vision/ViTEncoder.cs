using Microsoft.ML.NaturalGradient.Models.Layers;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>The ViT encoder: patches, a class token and learned positions in pre-normalised layers.</summary>
/// <remarks>
/// Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", ICLR 2021. The pooler of some checkpoints is
/// ignored: their classifiers read the class token itself.
/// </remarks>
internal sealed class ViTEncoder : ImageEncoder
{
    [ComponentName(Name = "embeddings")]
    private readonly ImageEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly ImageLayers _layers;

    [ComponentName(Name = "layernorm")]
    private readonly NormalizationLayer _norm;

    /// <summary>Creates the encoder with empty weights, to be filled from a checkpoint.</summary>
    public ViTEncoder(ViTConfig config)
        : base(nameof(ViTEncoder), config.Sizes, HeadLayout.Linear)
    {
        _embeddings = new ImageEmbeddings(config.Sizes);
        _layers = new ImageLayers(Enumerable.Range(0, config.Sizes.LayerCount).Select(_ => new ViTLayer(config)));
        _norm = new NormalizationLayer(HiddenSize, config.Sizes.LayerNormEpsilon);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override string Prefix => "vit";

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> HiddenStates(PixelBatch batch) => _layers.HiddenStates(_embeddings.call(batch.Pixels));

    /// <inheritdoc/>
    public override Tensor Encode(PixelBatch batch) => _norm.call(HiddenStates(batch)[^1]);
}
