using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Spectre.Console;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace TextClassificationSample;

/// <summary>Trains with iEF and with AdamW on the same rows, shows both, and saves what iEF learned.</summary>
internal sealed record CompareCommand
{
    public const string ModelFileName = "ReviewModel.zip";

    public required DataFile Data { get; init; }

    public required bool IsOwnData { get; init; }

    public required int TrainingRows { get; init; }

    public required int TestRows { get; init; }

    public required int Epochs { get; init; }

    public required string OutputFolder { get; init; }

    public int Run()
    {
        var mlContext = new MLContext(seed: 1);
        var split = DataSplit.Create(Data.Load(mlContext), TrainingRows, TestRows);
        CreateOutputFolder();
        Console.WriteLine($"{Path.GetFileName(Data.FilePath)}: {split.TrainingRows.Count} training rows, {split.TestRows.Count} test rows, "
            + $"{split.TrainingRows.DistinctBy(row => row.Label).Count()} classes, {Epochs} {(Epochs == 1 ? "epoch" : "epochs")}");

        var runs = TrainingDisplay.Show(["iEF", "AdamW"], display => new[]
        {
            Train(mlContext, split, "iEF", Ief, display),
            Train(mlContext, split, "AdamW", AdamW, display),
        });
        WriteTable(runs, WordCountBaseline.Train(mlContext, split));

        var picture = Path.Combine(OutputFolder, "loss.png");
        LossChart.Save(runs, split.TrainingRows.Count, picture);
        var model = Path.Combine(OutputFolder, ModelFileName);
        ReviewModel.SaveModel(mlContext, runs[0].Model, View(mlContext, split.TrainingRows), model);
        Console.WriteLine($"Loss curves: {picture}\nModel (iEF): {model}, {new FileInfo(model).Length / 1e6:F1} MB\n");
        return ClassifyInSecondProcess(model, IsOwnData ? split.TestRows.Take(3).Select(row => row.Text) : []);
    }

    /// <summary>Before the training: a folder that cannot be written should not cost minutes.</summary>
    private void CreateOutputFolder()
    {
        try
        {
            Directory.CreateDirectory(OutputFolder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"The folder \"{OutputFolder}\" cannot be made: {exception.Message}");
        }
    }

    private TrainingRun Train(MLContext mlContext, DataSplit split, string name, OptimizerOptions optimizer, TrainingDisplay display)
    {
        List<TrainingProgress> steps = [];
        var watch = Stopwatch.StartNew();
        var model = ReviewModel.BuildPipeline(mlContext, optimizer, Epochs, progress =>
        {
            steps.Add(progress);
            display.Report(name, progress);
        }).Fit(View(mlContext, split.TrainingRows));
        var time = watch.Elapsed;
        return new TrainingRun(name, model, ReviewModel.Evaluate(mlContext, model, View(mlContext, split.TestRows)), time, steps);
    }

    private static IDataView View(MLContext mlContext, IReadOnlyList<ReviewModel.ModelInput> rows) =>
        mlContext.Data.LoadFromEnumerable(rows);

    private static void WriteTable(IReadOnlyList<TrainingRun> runs, TrainingRun baseline)
    {
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumn("Trainer")
            .AddColumn(new TableColumn("Accuracy").RightAligned())
            .AddColumn(new TableColumn("Macro accuracy").RightAligned())
            .AddColumn(new TableColumn("Log-loss").RightAligned())
            .AddColumn(new TableColumn("Training time").RightAligned());
        foreach (var run in runs.Append(baseline))
        {
            table.AddRow(run.Name, $"{run.Metrics.MicroAccuracy:F3}", $"{run.Metrics.MacroAccuracy:F3}",
                $"{run.Metrics.LogLoss:F3}", $"{run.TrainingTime.TotalSeconds:F1} s");
        }

        AnsiConsole.Write(table);
    }

    /// <summary>Shows that the saved model needs nothing of the process that trained it.</summary>
    private static int ClassifyInSecondProcess(string model, IEnumerable<string> sentences)
    {
        var program = Environment.ProcessPath ?? "dotnet";
        var start = new ProcessStartInfo(program);
        if (Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
        {
            start.ArgumentList.Add(typeof(CompareCommand).Assembly.Location);
        }

        foreach (var argument in new[] { "classify", "--model", model, "--" }.Concat(sentences))
        {
            start.ArgumentList.Add(argument);
        }

        Console.WriteLine("A second process loads the model and classifies:");
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        process.WaitForExit();
        return process.ExitCode;
    }
}
