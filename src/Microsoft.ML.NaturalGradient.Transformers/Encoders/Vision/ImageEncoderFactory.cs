using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>Chooses the architecture of an image encoder by the <c>model_type</c> of a configuration.</summary>
internal static class ImageEncoderFactory
{
    private static readonly Dictionary<string, Func<ModelConfig, ImageEncoder>> Known = new(StringComparer.Ordinal)
    {
        ["deit"] = config => new DeiTEncoder(ViTConfig.Read(config)),
        ["dinov2"] = config => new Dinov2Encoder(Dinov2Config.Read(config)),
        ["vit"] = config => new ViTEncoder(ViTConfig.Read(config)),
    };

    /// <summary>Whether a model reads pictures with an architecture that is supported.</summary>
    /// <param name="modelType">The <c>model_type</c> of its configuration.</param>
    public static bool IsKnown(string modelType) => Known.ContainsKey(modelType);

    /// <summary>Creates an encoder with empty weights.</summary>
    /// <param name="config">The configuration.</param>
    /// <returns>The encoder; owned by the caller.</returns>
    /// <exception cref="NotSupportedException">The architecture is not known; the message lists the known ones.</exception>
    /// <exception cref="InvalidDataException">The configuration is incomplete or contradicts itself.</exception>
    public static ImageEncoder Create(ModelConfig config) => Known.TryGetValue(config.ModelType, out var create)
        ? create(config)
        : throw new NotSupportedException(
            $"The model's architecture is '{config.ModelType}', which is not supported for pictures. Known are: {string.Join(", ", Known.Keys)}.");
}
