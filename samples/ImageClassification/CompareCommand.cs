using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using Samples;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace ImageClassificationSample;

/// <summary>Trains with iEF, with AdamW, and the classification head alone, solved, shows all three, and saves the best.</summary>
internal sealed record CompareCommand
{
    public const string ModelFileName = "ImageModel.zip";

    private const string LossFileName = "loss.png";
    private const string ConfusionFileName = "confusion.png";
    private const string MistakesFileName = "mistakes.png";
    private const string CheckpointFolderName = "checkpoints";

    public required string DataFolder { get; init; }

    public required int TrainingPictures { get; init; }

    public required int TestPictures { get; init; }

    public required int ImageSize { get; init; }

    public required int Epochs { get; init; }

    public required bool WithAdamW { get; init; }

    public required string OutputFolder { get; init; }

    public required bool Resume { get; init; }

    private string CheckpointFolder => Path.Combine(OutputFolder, CheckpointFolderName);

    private IEnumerable<(string Name, OptimizerOptions Optimizer, AdapterOptions Adapter)> Trainers
    {
        get
        {
            yield return ("iEF", Ief, Adapters.LoRA);
            if (WithAdamW)
            {
                yield return ("AdamW", AdamW, Adapters.LoRA);
            }

            yield return ("Head only", Ief, Adapters.HeadOnly); // solved, without the optimizer
        }
    }

    public int Run()
    {
        var mlContext = new MLContext(seed: 1);
        var set = PictureSet.Read(DataFolder, TrainingPictures, TestPictures);
        if (Team.IsFirst)
        {
            Folders.CreateOutput(OutputFolder);
        }

        Console.WriteLine($"{set.Training.Count} training pictures, {set.Test.Count} test pictures, {set.Classes.Count} classes, "
            + $"{ImageSize} x {ImageSize} pixels, {Epochs} {(Epochs == 1 ? "epoch" : "epochs")}");

        if (Resume)
        {
            Console.WriteLine("Where a run goes on, its training time and its loss curve are those of the part that was left.");
        }

        var trainers = Trainers.ToArray();
        var results = TrainingDisplay.Show([.. trainers.Select(trainer => trainer.Name)], display => trainers
            .Select(trainer => Train(mlContext, set, trainer.Name, trainer.Optimizer, trainer.Adapter, display)).ToArray());
        if (!Team.IsFirst)
        {
            return 0;
        }

        var runs = results.Select(result => result.Run).ToArray();
        MetricsTable.Write(runs);

        Folders.KeepEarlier(OutputFolder, LossFileName, ConfusionFileName, MistakesFileName, ModelFileName);
        var best = results.MinBy(result => result.ValidationLoss);
        WriteCharts(set, runs, best.Run.Name, best.Predictions);
        var model = Path.Combine(OutputFolder, ModelFileName);
        mlContext.Model.SaveAtomically(best.Run.Model, mlContext.Data.LoadFromEnumerable(set.Training).Schema, model);
        Folders.Remove(CheckpointFolder, trainers.Select(trainer => trainer.Name)); // the model is safe now
        Console.WriteLine($"Model ({best.Run.Name}, which has the lowest validation loss): {model}, {new FileInfo(model).Length / 1e6:F1} MB\n");
        return SecondProcess.Classify(model, Examples(set.Test));
    }

    private (TrainingRun Run, double ValidationLoss, IReadOnlyList<ScoredPicture> Predictions) Train(
        MLContext mlContext, PictureSet set, string name, OptimizerOptions optimizer, AdapterOptions adapter, TrainingDisplay display)
    {
        List<TrainingProgress> steps = [];
        var checkpoints = Path.Combine(CheckpointFolder, name);
        var losses = Team.IsFirst ? new ValidationLosses(checkpoints, Resume) : null;
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
            {
                Optimizer = optimizer,
                Adapter = adapter,
                FeatureColumnName = "ImagePath",
                ImageSize = ImageSize,
                Epoch = Epochs,
                CheckpointFolder = checkpoints,
                Resume = Resume,
                Collective = Team.All,
                MetricsCallback = progress =>
                {
                    steps.Add(progress);
                    losses?.Add(progress.ValidationLoss);
                    display.Report(name, progress);
                },
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        var watch = Stopwatch.StartNew();
        var model = pipeline.Fit(mlContext.Data.LoadFromEnumerable(set.Training));
        var time = watch.Elapsed;
        var scored = mlContext.Data.Cache(model.Transform(mlContext.Data.LoadFromEnumerable(set.Test))); // the network sees each picture once
        var metrics = mlContext.MulticlassClassification.Evaluate(scored);
        return (new TrainingRun(name, model, metrics, time, steps), losses?.Lowest ?? 0, Predictions(scored, set.Test));
    }

    /// <summary>The prediction of each scored picture.</summary>
    private static ScoredPicture[] Predictions(IDataView scored, IReadOnlyList<ImageRow> pictures) =>
        [.. pictures.Zip(scored.GetColumn<string>("PredictedLabel"), scored.GetColumn<float[]>("Score"))
            .Select(row => new ScoredPicture(row.First.ImagePath, row.First.Label, row.Second, row.Third.Max()))];

    private void WriteCharts(PictureSet set, TrainingRun[] runs, string best, IReadOnlyList<ScoredPicture> predictions)
    {
        var loss = Path.Combine(OutputFolder, LossFileName);
        LossChart.Save(runs, $"Training loss on {set.Training.Count} pictures", loss);
        var confusion = Path.Combine(OutputFolder, ConfusionFileName);
        ConfusionChart.Save(ScoredPicture.Count(predictions, set.Classes), set.Classes, $"{best}: {predictions.Count} test pictures", confusion);
        Console.WriteLine($"Loss curves: {loss}\nConfusion matrix ({best}): {confusion}");
        var mistakes = Path.Combine(OutputFolder, MistakesFileName);
        if (MistakeSheet.Save(predictions, mistakes))
        {
            Console.WriteLine($"Mistakes ({best}): {mistakes}");
        }
    }

    /// <summary>One test picture of each of three classes.</summary>
    private static IEnumerable<string> Examples(IReadOnlyList<ImageRow> pictures) =>
        pictures.DistinctBy(picture => picture.Label).Take(3).Select(picture => picture.ImagePath);
}
