using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>One kind of image processor: what it does where <c>preprocessor_config.json</c> is silent.</summary>
/// <param name="Name">Class name without the endings that older and newer files add.</param>
/// <param name="Filter">Kernel of the resampler.</param>
/// <param name="IsCropped">Whether the centre is cut out; null means that the processor does not know cropping.</param>
/// <param name="IsSizeOfShortestEdge">Whether a size that is a single number is that of the shortest edge.</param>
/// <param name="Size">Size to resize to.</param>
/// <param name="Mean">Mean of the channels.</param>
/// <param name="Deviation">Standard deviation of the channels.</param>
internal sealed record ImageProcessorKind(
    string Name, ResampleFilter Filter, bool? IsCropped, bool IsSizeOfShortestEdge, int Size, double[] Mean, double[] Deviation)
{
    /// <summary>Size of the cut-out centre.</summary>
    public const int CropSize = 224;

    private const string NameField = "image_processor_type";
    private const string OldNameField = "feature_extractor_type";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private static readonly double[] Half = [0.5, 0.5, 0.5];

    private static readonly ImageProcessorKind[] Known =
    [
        new("ViT", ResampleFilter.Bilinear, null, false, 224, Half, Half),
        new("DeiT", ResampleFilter.Bicubic, true, false, 256, Half, Half),
        new("Bit", ResampleFilter.Bicubic, true, true, 224,
            [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]),
    ];

    /// <summary>Names the processor in a configuration that does not, since Python asks the model's own configuration then.</summary>
    /// <param name="config">The content of <c>preprocessor_config.json</c>; not modified.</param>
    /// <param name="usualClass">The processor of the model's architecture, as transformers calls the class.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] Complete(byte[] config, string usualClass)
    {
        var fields = JsonText.ParseObject(config, $"'{CheckpointFiles.PreprocessorName}'");
        if (fields[NameField] is not null || fields[OldNameField] is not null)
        {
            return config;
        }

        fields[NameField] = usualClass;
        return JsonSerializer.SerializeToUtf8Bytes(fields, Indented);
    }

    /// <summary>Finds the kind that a file names, or that its model uses.</summary>
    /// <param name="config">The content of <c>preprocessor_config.json</c>.</param>
    /// <param name="usualClass">The processor where the file names none, as transformers calls the class; null for none.</param>
    /// <exception cref="InvalidDataException">The kind is not supported.</exception>
    public static ImageProcessorKind Find(ModelConfig config, string? usualClass)
    {
        var field = config.KindOf(NameField) is JsonValueKind.String ? NameField : OldNameField;
        var name = config.OptionalString(field, null) ?? usualClass;
        if (Array.Find(Known, known => name == $"{known.Name}ImageProcessor" || name == $"{known.Name}ImageProcessorFast" || name == $"{known.Name}FeatureExtractor") is { } kind)
        {
            return kind;
        }

        var supported = string.Join(", ", Known.Select(known => $"{known.Name}ImageProcessor"));
        throw new InvalidDataException(name is null
            ? $"{config.File} names no image processor. Supported: {supported}."
            : $"{config.File}: the image processor '{name}' is not supported. Supported: {supported}. Choose a model with one of these.");
    }
}
