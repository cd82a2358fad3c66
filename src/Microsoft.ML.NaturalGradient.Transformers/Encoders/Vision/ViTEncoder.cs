namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>The ViT encoder: patches, a class token and learned positions in pre-normalised layers.</summary>
/// <remarks>
/// Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", ICLR 2021. The pooler of some checkpoints is
/// ignored: their classifiers read the class token itself.
/// </remarks>
internal sealed class ViTEncoder : ImageEncoder
{
    /// <summary>Creates the encoder with empty weights, to be filled from a checkpoint.</summary>
    public ViTEncoder(ViTConfig config)
        : base(
            nameof(ViTEncoder),
            config.Sizes,
            HeadLayout.Linear,
            new ImageEmbeddings(config.Sizes),
            () => new ViTLayer(config))
    {
    }

    /// <inheritdoc/>
    public override string Prefix => "vit";
}
