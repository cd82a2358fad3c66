#region images
using Microsoft.ML;
using static Microsoft.ML.NaturalGradient.Optimizers;

#endregion
using Microsoft.ML.NaturalGradient;

namespace ImageClassificationSample;

/// <summary>The code of docs/images.md, as a program that runs from beginning to end.</summary>
internal static class Images
{
    public static void Run(string folder, string picture)
    {
        #region images
        var mlContext = new MLContext(seed: 1);
        var (train, test) = ImageFolder.ReadTrainTest(folder); // folder/train/cat/1.jpg, folder/test/dog/2.jpg, ...
        var data = train.ToDataView(mlContext);

        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.ImageClassification(optimizer: Ief, featureColumnName: "ImagePath"))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

        using var model = pipeline.Fit(data);
        var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(test.ToDataView(mlContext)));
        Console.WriteLine($"accuracy {metrics.MicroAccuracy:F3}, log-loss {metrics.LogLoss:F3}");
        mlContext.Model.SaveAtomically(model, data.Schema, "pictures.zip");
        #endregion

        #region load
        var loaded = mlContext.Model.Load("pictures.zip", out _);
        using var engine = mlContext.Model.CreatePredictionEngine<ImageRow, Prediction>(loaded);
        var prediction = engine.Predict(new ImageRow { ImagePath = picture });
        Console.WriteLine($"{prediction.PredictedLabel} ({prediction.Score.Max():P1})");
        #endregion
        ((IDisposable)loaded).Dispose();

        #region options
        var trainer = mlContext.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
        {
            Optimizer = Ief,
            FeatureColumnName = "ImagePath",
            Adapter = Adapters.LoRA with { Rank = 4 },
            ImageSize = 98,
            Epoch = 1,
            Augmentation = new ImageAugmentation(),
            MetricsCallback = progress => Console.WriteLine($"{progress.Epoch}.{progress.Step}: loss {progress.Loss:F3}, {progress.TimeLeft.TotalMinutes:F1} min left"),
        });
        #endregion
        var keyed = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);

        #region many
        using var transformer = trainer.Fit(keyed);
        var probabilities = transformer.Model.PredictProbabilities([picture]);
        Console.WriteLine(string.Join(", ", transformer.Model.ClassNames.Zip(probabilities[0], (name, p) => $"{name} {p:P1}")));
        #endregion

        #region encoder
        var general = mlContext.MulticlassClassification.Trainers.ImageClassification(
            optimizer: Ief, featureColumnName: "ImagePath", model: PretrainedModel.FromHub("facebook/dinov2-small"));
        #endregion
        Console.WriteLine(general.GetType().Name);
    }

    #region rows
    internal sealed class Prediction
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];
    }
    #endregion
}
