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
        : base(Descriptor, config.Sizes, new ImageEmbeddings(config.Sizes), () => new ViTLayer(config))
    {
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "vit",
        ClassName = "ViT",
        Prefix = "vit",
        Kind = ArchitectureKind.ImageEncoder,
        DefaultTargets = ["query", "value"],
        PreprocessorClass = "ViTImageProcessor",
        Create = config => new ViTEncoder(ViTConfig.Read(config)),
    };
}
