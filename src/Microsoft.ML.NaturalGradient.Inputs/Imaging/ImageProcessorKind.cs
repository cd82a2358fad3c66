using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>One kind of image processor: what it does where <c>preprocessor_config.json</c> is silent.</summary>
/// <param name="Name">Class name without the endings that older and newer files add.</param>
/// <param name="ModelType">The <c>model_type</c> that uses it where a file does not name its processor.</param>
/// <param name="Filter">Kernel of the resampler.</param>
/// <param name="IsCropped">Whether the centre is cut out; null means that the processor does not know cropping.</param>
/// <param name="IsSizeOfShortestEdge">Whether a size that is a single number is that of the shortest edge.</param>
/// <param name="Size">Size to resize to.</param>
/// <param name="Mean">Mean of the channels.</param>
/// <param name="Deviation">Standard deviation of the channels.</param>
internal sealed record ImageProcessorKind(
    string Name, string ModelType, ResampleFilter Filter, bool? IsCropped, bool IsSizeOfShortestEdge, int Size, double[] Mean, double[] Deviation)
{
    /// <summary>Size of the cut-out centre.</summary>
    public const int CropSize = 224;

    private const string NameField = "image_processor_type";
    private const string OldNameField = "feature_extractor_type";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private static readonly double[] Half = [0.5, 0.5, 0.5];

    private static readonly ImageProcessorKind[] Known =
    [
        new("ViT", "vit", ResampleFilter.Bilinear, null, false, 224, Half, Half),
        new("DeiT", "deit", ResampleFilter.Bicubic, true, false, 256, Half, Half),
        new("Bit", "dinov2", ResampleFilter.Bicubic, true, true, 224,
            [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]),
    ];

    /// <summary>Names the processor in a configuration that does not, since Python asks the model's own configuration then.</summary>
    /// <param name="config">The content of <c>preprocessor_config.json</c>; not modified.</param>
    /// <param name="modelType">The model's <c>model_type</c>.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] Complete(byte[] config, string modelType)
    {
        var fields = JsonText.ParseObject(config, $"'{CheckpointFiles.PreprocessorName}'");
        if (fields[NameField] is not null || fields[OldNameField] is not null)
        {
            return config;
        }

        fields[NameField] = $"{Known.First(kind => kind.ModelType == modelType).Name}ImageProcessor";
        return JsonSerializer.SerializeToUtf8Bytes(fields, Indented);
    }

    /// <summary>Finds the kind that a file names, or that its model uses.</summary>
    /// <param name="config">The content of <c>preprocessor_config.json</c>.</param>
    /// <param name="modelType">The model's <c>model_type</c>; used where the file names no processor.</param>
    /// <exception cref="InvalidDataException">The kind is not supported.</exception>
    public static ImageProcessorKind Find(ModelConfig config, string modelType)
    {
        var field = config.KindOf(NameField) is JsonValueKind.String ? NameField : OldNameField;
        var name = config.OptionalString(field, null);
        foreach (var kind in Known)
        {
            if (name is null ? kind.ModelType == modelType
                : name == $"{kind.Name}ImageProcessor" || name == $"{kind.Name}ImageProcessorFast" || name == $"{kind.Name}FeatureExtractor")
            {
                return kind;
            }
        }
        var supported = string.Join(", ", Known.Select(kind => $"{kind.Name}ImageProcessor"));
        throw new InvalidDataException(name is null
            ? $"{config.File} names no image processor, and none is known for the model type '{modelType}'. Supported: {supported}."
            : $"{config.File}: the image processor '{name}' is not supported. Supported: {supported}. Choose a model with one of these.");
    }
}
