using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.NasBert;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Models.Vision;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The architectures that are supported.</summary>
internal static class Architectures
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<Architecture> All { get; } =
    [
        BertEncoder.Descriptor,
        RobertaEncoder.CamembertDescriptor,
        DebertaV2Encoder.Descriptor,
        DeiTEncoder.Descriptor,
        Dinov2Encoder.Descriptor,
        DistilBertEncoder.Descriptor,
        ElectraEncoder.Descriptor,
        ModernBertEncoder.Descriptor,
        MPNetEncoder.Descriptor,
        NasBertEncoder.Descriptor,
        RobertaEncoder.Descriptor,
        T5Network.Descriptor,
        ViTEncoder.Descriptor,
        RobertaEncoder.XlmDescriptor,
    ];

    /// <summary>Finds an architecture.</summary>
    /// <param name="modelType">The <c>model_type</c> of a configuration.</param>
    /// <returns>The architecture; null where it is not supported.</returns>
    public static Architecture? Find(string? modelType) => All.FirstOrDefault(architecture => architecture.ModelType == modelType);

    /// <summary>The architecture of a model that reads texts.</summary>
    /// <param name="config">The model's configuration.</param>
    /// <exception cref="NotSupportedException">It is not supported; the message lists those that are.</exception>
    public static Architecture ForTexts(ModelConfig config) => Among(config, "", kind => kind != ArchitectureKind.ImageEncoder);

    /// <summary>The architecture of a model that reads pictures.</summary>
    /// <param name="config">The model's configuration.</param>
    /// <exception cref="NotSupportedException">It is not supported; the message lists those that are.</exception>
    public static Architecture ForPictures(ModelConfig config) => Among(config, " for pictures", kind => kind == ArchitectureKind.ImageEncoder);

    private static Architecture Among(ModelConfig config, string purpose, Func<ArchitectureKind, bool> isRight)
    {
        var known = All.Where(architecture => isRight(architecture.Kind)).ToArray();
        return Array.Find(known, architecture => architecture.ModelType == config.ModelType) ?? throw new NotSupportedException(
            $"The model's architecture is '{config.ModelType}', which is not supported{purpose}. Known are: "
            + $"{string.Join(", ", known.Select(architecture => architecture.ModelType).Order(StringComparer.Ordinal))}.");
    }
}
