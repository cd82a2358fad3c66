using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Imaging;
using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Random encoders of two layers for pictures of 24 × 24 pixels, which train in a moment, and picture files to train them on.</summary>
internal static class TinyImages
{
    /// <summary>The classes, by what is brighter: the upper or the lower half; or neither.</summary>
    public static readonly string[] Classes = ["above", "below", "flat"];

    private static readonly Lazy<string> LazyFolder = new(CreatePictures);

    /// <summary>Folder with a folder for each class, with <see cref="PerClass"/> pictures in it.</summary>
    public static string Folder => LazyFolder.Value;

    /// <summary>Pictures of a class.</summary>
    public static int PerClass => 12;

    /// <summary>A model for pictures.</summary>
    /// <param name="architecture">vit, deit or dinov2.</param>
    public static PretrainedModel Model(string architecture = "vit") => PretrainedModel.FromFolder(ModelFolder(architecture));

    /// <summary>Folder of a model.</summary>
    /// <param name="architecture">vit, deit or dinov2.</param>
    public static string ModelFolder(string architecture = "vit")
    {
        var folder = Path.Combine(AppContext.BaseDirectory, $"TinyImages-{architecture}");
        if (!File.Exists(Path.Combine(folder, "preprocessor_config.json")))
        {
            Directory.CreateDirectory(folder);
            foreach (var file in new[] { "config.json", "model.safetensors" })
            {
                File.Copy(Path.Combine(AppContext.BaseDirectory, "Fixtures", "encoders", architecture, file), Path.Combine(folder, file), overwrite: true);
            }

            File.WriteAllText(
                Path.Combine(folder, "preprocessor_config.json"),
                """{ "image_processor_type": "ViTImageProcessor", "size": { "height": 24, "width": 24 }, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2 }""");
        }

        return folder;
    }

    /// <summary>All picture files, the classes in turn, as rows of a data view whose label is a key.</summary>
    public static IDataView KeyedRows(MLContext mlContext) => Keyed(mlContext, Rows());

    public static IDataView Keyed(MLContext mlContext, IEnumerable<ImageRow> rows)
    {
        var view = mlContext.Data.LoadFromEnumerable(rows);
        return mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);
    }

    public static ImageRow[] Rows() => [.. Enumerable.Range(0, PerClass).SelectMany(i => Classes.Select(name => new ImageRow
    {
        ImagePath = Path.Combine(Folder, name, $"{i:D2}.png"),
        Label = name,
    }))];

    /// <summary>Settings that train a tiny model.</summary>
    public static ImageClassificationTrainer.Options Options(Action<ImageClassificationTrainer.Options>? change = null)
    {
        var options = new ImageClassificationTrainer.Options
        {
            FeatureColumnName = nameof(ImageRow.ImagePath),
            Model = Model(),
            Epoch = 2,
            BatchSize = 8,
            ValidationSetFraction = 0,
        };
        change?.Invoke(options);
        return options;
    }

    public static ImageClassificationTrainer Trainer(MLContext mlContext, Action<ImageClassificationTrainer.Options>? change = null) =>
        mlContext.MulticlassClassification.Trainers.ImageClassification(Options(change));

    public static float[][] Scores(ITransformer model, IDataView data) => [.. model.Transform(data).GetColumn<float[]>("Score")];

    /// <summary>A picture of a class.</summary>
    public static byte[] Png(string name, int seed)
    {
        var noise = Pictures.Noise(30, 26, seed);
        var picture = Pictures.FromPixels(30, 26, (x, y) =>
        {
            var level = name switch { "above" => y < 13 ? 200 : 20, "below" => y < 13 ? 20 : 200, _ => 110 };
            var grain = Pictures.At(noise, x, y);
            return ((byte)(level + (grain.Red % 50)), (byte)(level + (grain.Green % 50)), (byte)(level + (grain.Blue % 50)));
        });
        return Pictures.Encode(picture, SKEncodedImageFormat.Png);
    }

    private static string CreatePictures()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "TinyImages");
        for (var c = 0; c < Classes.Length; c++)
        {
            Directory.CreateDirectory(Path.Combine(folder, Classes[c]));
            for (var i = 0; i < PerClass; i++)
            {
                File.WriteAllBytes(Path.Combine(folder, Classes[c], $"{i:D2}.png"), Png(Classes[c], (100 * c) + i));
            }
        }

        return folder;
    }
}
