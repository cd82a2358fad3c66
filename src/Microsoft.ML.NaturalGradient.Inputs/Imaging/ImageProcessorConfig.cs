using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Reads <c>preprocessor_config.json</c>.</summary>
internal static class ImageProcessorConfig
{
    private const string SizeKinds = "a whole number, {\"height\", \"width\"} or {\"shortest_edge\"}, of 1 to 4096 pixels";
    private const double LargestScale = 1e6; // so that no pixel gets beyond float32

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Reads sizes, kernel and scale of a model's processor.</summary>
    /// <param name="files">The checkpoint.</param>
    /// <param name="usualClass">The processor where the file names none, as transformers calls the class; null for none.</param>
    /// <param name="imageSize">Columns and rows of the result instead of the file's; null keeps those.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The processor is not supported, or a field makes no sense.</exception>
    public static ImagePreprocessor Read(CheckpointFiles files, string? usualClass, int? imageSize)
    {
        if (!files.Exists(CheckpointFiles.PreprocessorName))
        {
            throw new FileNotFoundException(
                $"There is no '{CheckpointFiles.PreprocessorName}' in {files.Description}, which says how pictures are prepared for the model. Put it "
                + "beside the model's other files: it is where they come from, or in the repository of the model that this one was trained from.",
                CheckpointFiles.PreprocessorName);
        }
        var config = ModelConfig.Read(files, CheckpointFiles.PreprocessorName);
        var kind = ImageProcessorKind.Find(config, usualClass);
        var filter = config.OptionalInt("resample", (int)kind.Filter) switch
        {
            (int)ResampleFilter.Bilinear => ResampleFilter.Bilinear,
            (int)ResampleFilter.Bicubic => ResampleFilter.Bicubic,
            _ => throw config.Unexpected("resample", "2 (bilinear) or 3 (bicubic)"),
        };
        var sizing = ReadSizing(config, kind);
        if (sizing.OutputWidth is null || sizing.OutputHeight is null)
        {
            throw new InvalidDataException(
                $"{config.File} leaves the size of pictures open, since it neither resizes both sides nor crops. Choose a model with a fixed size.");
        }
        var factor = config.OptionalBool("do_rescale", true) ? config.OptionalDouble("rescale_factor", 1 / 255.0) : 1;
        if (factor is <= 0 or > LargestScale)
        {
            throw config.Unexpected("rescale_factor", FormattableString.Invariant($"a positive number up to {LargestScale}"));
        }
        var isNormalized = config.OptionalBool("do_normalize", true);
        var mean = isNormalized ? ReadChannels(config, "image_mean", kind.Mean) : [0, 0, 0];
        var deviation = isNormalized ? ReadChannels(config, "image_std", kind.Deviation) : [1, 1, 1];
        if (mean.Any(value => Math.Abs(value) > LargestScale))
        {
            throw config.Unexpected("image_mean", FormattableString.Invariant($"three numbers from {-LargestScale} to {LargestScale}"));
        }
        return deviation.All(value => value is >= 1 / LargestScale and <= LargestScale)
            ? new ImagePreprocessor(imageSize is { } size ? sizing.For(size) : sizing, filter, factor, mean, deviation)
            : throw config.Unexpected("image_std", FormattableString.Invariant($"three positive numbers, from {1 / LargestScale} to {LargestScale}"));
    }

    /// <summary>Changes the sizes in a configuration.</summary>
    /// <param name="config">The file's content; not modified.</param>
    /// <param name="sizing">The sizes.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] WriteSizes(byte[] config, ImageSizing sizing)
    {
        var fields = JsonText.ParseObject(config, $"'{CheckpointFiles.PreprocessorName}'");
        if (sizing.ShortestEdge is { } edge)
        {
            fields["size"] = new JsonObject { ["shortest_edge"] = edge };
        }
        else if (sizing is { Width: { } width, Height: { } height })
        {
            fields["size"] = new JsonObject { ["height"] = height, ["width"] = width };
        }
        if (sizing is { CropWidth: { } cropWidth, CropHeight: { } cropHeight })
        {
            fields["crop_size"] = new JsonObject { ["height"] = cropHeight, ["width"] = cropWidth };
        }
        return JsonSerializer.SerializeToUtf8Bytes(fields, Indented);
    }

    private static ImageSizing ReadSizing(ModelConfig config, ImageProcessorKind kind)
    {
        var sizing = new ImageSizing();
        if (config.OptionalBool("do_resize", true))
        {
            sizing = ReadSize(config, "size", kind.IsSizeOfShortestEdge, kind.Size);
        }
        if (kind.IsCropped is { } isCropped && config.OptionalBool("do_center_crop", isCropped))
        {
            var crop = ReadSize(config, "crop_size", false, ImageProcessorKind.CropSize);
            sizing = crop.ShortestEdge is null
                ? sizing with { CropWidth = crop.Width, CropHeight = crop.Height }
                : throw config.Unexpected("crop_size", "a whole number or {\"height\", \"width\"}");
        }
        return sizing;
    }

    private static ImageSizing ReadSize(ModelConfig config, string field, bool isShortestEdge, int defaultSize)
    {
        if (config.KindOf(field) != JsonValueKind.Object)
        {
            var size = Legal(config, field, config.OptionalInt(field, defaultSize));
            return isShortestEdge ? new ImageSizing { ShortestEdge = size } : new ImageSizing { Width = size, Height = size };
        }
        var section = config.Section(field)!;
        if (section.FieldsInUse.Order(StringComparer.Ordinal).SequenceEqual(["height", "width"]))
        {
            return new ImageSizing
            {
                Width = Legal(config, field, section.RequireInt("width")),
                Height = Legal(config, field, section.RequireInt("height")),
            };
        }
        return section.FieldsInUse.SequenceEqual(["shortest_edge"])
            ? new ImageSizing { ShortestEdge = Legal(config, field, section.RequireInt("shortest_edge")) }
            : throw config.Unexpected(field, SizeKinds);
    }

    private static int Legal(ModelConfig config, string field, int size) =>
        size is > 0 and <= ImagePreprocessor.LargestSize ? size : throw config.Unexpected(field, SizeKinds);

    private static double[] ReadChannels(ModelConfig config, string field, double[] defaultValues)
    {
        var values = config.OptionalNumberList(field);
        return values.Count switch
        {
            0 => defaultValues,
            RgbImage.Channels => [.. values],
            _ => throw config.Unexpected(field, "three numbers"),
        };
    }
}
