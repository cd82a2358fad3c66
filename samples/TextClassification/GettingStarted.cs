#region data
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using static Microsoft.ML.NaturalGradient.Optimizers;

#endregion
namespace TextClassificationSample;

/// <summary>The code of docs/getting-started.md, as a program that runs from beginning to end.</summary>
internal static class GettingStarted
{
    private const int TrainingRows = 64; // enough to show that everything works

    public static void Run(string path)
    {
        using var cancellation = new CancellationTokenSource();
        var cancellationToken = cancellation.Token;

        #region data
        var mlContext = new MLContext(seed: 1);
        var data = mlContext.Data.LoadFromTextFile(path,
            [new("Label", DataKind.String, 0), new("Source", DataKind.String, 1), new("Text", DataKind.String, 2)], hasHeader: true);
        #endregion
        data = mlContext.Data.TakeRows(data, TrainingRows);

        #region options
        var trainer = mlContext.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Optimizer = Ief,
            Sentence1ColumnName = "Text",
            MaxEpoch = 5,
            ValidationSetFraction = 0.1,
            EarlyStopping = new EarlyStopping { Patience = 2 },
            MetricsCallback = progress => Console.WriteLine($"{progress.Epoch}.{progress.Step}: loss {progress.Loss:F3}, {progress.TimeLeft.TotalMinutes:F1} min left"),
            CancellationToken = cancellationToken,
        });
        #endregion

        #region train
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(trainer)
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        using var model = pipeline.Fit(data);
        mlContext.Model.SaveAtomically(model, data.Schema, "reviews.zip");
        #endregion

        #region load
        var loaded = mlContext.Model.Load("reviews.zip", out _);
        using var engine = mlContext.Model.CreatePredictionEngine<Review, Prediction>(loaded);
        var prediction = engine.Predict(new Review { Text = "Lovely, I would buy it again." });
        Console.WriteLine($"{prediction.PredictedLabel} ({prediction.Score.Max():P1})");
        #endregion
        ((IDisposable)loaded).Dispose();

        #region many
        var scored = model.Transform(data);
        foreach (var row in mlContext.Data.CreateEnumerable<Prediction>(scored, reuseRowObject: false).Take(3))
        {
            Console.WriteLine($"{row.PredictedLabel}: {string.Join(", ", row.Score)}");
        }
        #endregion

        #region engines
        var sharing = new PredictionEngineOptions { OwnsTransformer = false };
        using var first = mlContext.Model.CreatePredictionEngine<Review, Prediction>(model, sharing);
        using var second = mlContext.Model.CreatePredictionEngine<Review, Prediction>(model, sharing);
        #endregion
        Console.WriteLine($"{first.Predict(new Review { Text = "Never again." }).PredictedLabel}, {second.Predict(new Review { Text = "Very good." }).PredictedLabel}");

        #region pairs
        var pairs = mlContext.MulticlassClassification.Trainers.TextClassification(
            optimizer: AdamW with { LearningRate = 3e-3 }, sentence1ColumnName: "Text", sentence2ColumnName: "Source", maxEpochs: 1,
            adapter: Adapters.LoRA with { Rank = 4 });
        #endregion

        #region folds
        var keyed = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
        var folds = mlContext.MulticlassClassification.CrossValidate(keyed, pairs, numberOfFolds: 2);
        Console.WriteLine($"accuracy {folds.Average(fold => fold.Metrics.MicroAccuracy):F3}");
        #endregion

        #region small
        var adapterOnly = mlContext.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Sentence1ColumnName = "Text",
            Model = PretrainedModel.BgeSmall,
            MaxEpoch = 1,
            SaveBaseModel = false,
        });
        mlContext.Model.SaveAtomically(adapterOnly.Fit(keyed), keyed.Schema, "adapter.zip");
        var found = new MLContext().UsePretrainedModel(PretrainedModel.BgeSmall).Model.Load("adapter.zip", out _);
        #endregion
        Console.WriteLine($"adapter.zip: {new FileInfo("adapter.zip").Length / 1e6:F1} MB; scores {found.Transform(keyed).GetColumn<float[]>("Score").Count()} rows");
    }

    #region rows
    internal sealed class Review
    {
        public string Label { get; set; } = "";

        public string Text { get; set; } = "";
    }

    internal sealed class Prediction
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];
    }
    #endregion
}
