using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using ModelBuilderSample;
using Samples;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace TextClassificationSample;

/// <summary>Trains with iEF and with AdamW on the same rows, shows both, and saves what iEF learned.</summary>
internal sealed record CompareCommand
{
    public const string ModelFileName = "ReviewModel.zip";

    private const string ChartFileName = "loss.png";
    private const string CheckpointFolderName = "checkpoints";

    public required DataFile Data { get; init; }

    public required bool IsOwnData { get; init; }

    public required int TrainingRows { get; init; }

    public required int TestRows { get; init; }

    public required int Epochs { get; init; }

    public required string OutputFolder { get; init; }

    public required bool Resume { get; init; }

    private string CheckpointFolder => Path.Combine(OutputFolder, CheckpointFolderName);

    public int Run()
    {
        var mlContext = new MLContext(seed: 1);
        var split = DataSplit.Create(Data.Load(), TrainingRows, TestRows);
        if (Team.IsFirst)
        {
            Folders.CreateOutput(OutputFolder);
        }

        Console.WriteLine($"{split.TrainingRows.Count} training rows, {split.TestRows.Count} test rows, "
            + $"{split.TrainingRows.DistinctBy(row => row.Label).Count()} classes, {Epochs} {(Epochs == 1 ? "epoch" : "epochs")}");

        if (Resume)
        {
            Console.WriteLine("Where a run goes on, its training time and its loss curve are those of the part that was left.");
        }

        var runs = TrainingDisplay.Show(["iEF", "AdamW"], display => new[]
        {
            Train(mlContext, split, "iEF", Ief, display),
            Train(mlContext, split, "AdamW", AdamW, display),
        });
        if (!Team.IsFirst)
        {
            return 0;
        }

        MetricsTable.Write(runs.Append(WordCountBaseline.Train(mlContext, split)));

        Folders.KeepEarlier(OutputFolder, ChartFileName, ModelFileName);
        var picture = Path.Combine(OutputFolder, ChartFileName);
        LossChart.Save(runs, $"Training loss on {split.TrainingRows.Count} rows", picture);
        var model = Path.Combine(OutputFolder, ModelFileName);
        mlContext.Model.SaveAtomically(runs[0].Model, View(mlContext, split.TrainingRows).Schema, model);
        Folders.Remove(CheckpointFolder, runs.Select(run => run.Name)); // the model is safe now
        Console.WriteLine($"Loss curves: {picture}\nModel (iEF): {model}, {new FileInfo(model).Length / 1e6:F1} MB\n");
        return SecondProcess.Classify(model, IsOwnData ? split.TestRows.Take(3).Select(row => row.Text) : []);
    }

    private TrainingRun Train(MLContext mlContext, DataSplit split, string name, OptimizerOptions optimizer, TrainingDisplay display)
    {
        List<TrainingProgress> steps = [];
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
            {
                Optimizer = optimizer,
                Sentence1ColumnName = "Text",
                MaxEpoch = Epochs,
                CheckpointFolder = Path.Combine(CheckpointFolder, name),
                Resume = Resume,
                Collective = Team.All,
                MetricsCallback = progress =>
                {
                    steps.Add(progress);
                    display.Report(name, progress);
                },
            }))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
        var watch = Stopwatch.StartNew();
        var model = pipeline.Fit(View(mlContext, split.TrainingRows));
        var time = watch.Elapsed;
        return new TrainingRun(name, model, ReviewModel.Evaluate(mlContext, model, View(mlContext, split.TestRows)), time, steps);
    }

    private static IDataView View(MLContext mlContext, IReadOnlyList<ReviewModel.ModelInput> rows) =>
        mlContext.Data.LoadFromEnumerable(rows);
}
