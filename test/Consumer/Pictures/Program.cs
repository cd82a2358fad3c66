using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using SkiaSharp;

// Classifies pictures that SkiaSharp decodes in both ways: by this library from paths, and by ML.NET as MLImage.
var mlContext = new MLContext(seed: 1);
var data = ImageFolder.Read(args[0]).ToDataView(mlContext);

foreach (var column in new[] { "ImagePath", "Picture" })
{
    var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
        .Append(mlContext.Transforms.LoadImages("Picture", imageFolder: null, "ImagePath"))
        .Append(mlContext.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
        {
            FeatureColumnName = column,
            ImageSize = 28,
            Epoch = 2,
        }));
    using var model = pipeline.Fit(data);
    var scores = model.Transform(data).GetColumn<float[]>("Score").SelectMany(score => score).ToArray();
    Console.WriteLine($"{column}: {string.Join(' ', scores.Take(4).Select(score => score.ToString("F4")))}");
}

Console.WriteLine($"SkiaSharp {typeof(SKBitmap).Assembly.GetName().Version}");
