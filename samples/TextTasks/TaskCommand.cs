using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Samples;

namespace TextTasksSample;

/// <summary>What all tasks do: read, train, measure, draw, save, load again and score one text.</summary>
/// <param name="options">What the command line asks for.</param>
/// <typeparam name="TRow">A row of the data.</typeparam>
internal abstract class TaskCommand<TRow>(TaskOptions options)
    where TRow : class
{
    protected TaskOptions Options => options;

    protected MLContext Context { get; } = new(options.Seed);

    /// <summary>What the training reads and is for, in a sentence.</summary>
    protected abstract string Description { get; }

    /// <summary>Name of the files that are written, without their extensions.</summary>
    protected abstract string FileName { get; }

    /// <summary>Most tokens of a text.</summary>
    protected virtual int MaxTokens => 128;

    protected string OptimizerName => options.Optimizer is AdamWOptions ? "AdamW" : "iEF";

    /// <summary>Runs the task.</summary>
    /// <returns>The exit code.</returns>
    public int Run()
    {
        var parts = Read().Take(options.TrainingRows, options.TestRows);
        if (Team.IsFirst)
        {
            Folders.CreateOutput(options.OutputFolder);
        }

        Console.WriteLine(Description);
        Console.WriteLine($"{parts.Training.Count} training rows, {parts.Test.Count} test rows, {options.Epochs} {(options.Epochs == 1 ? "epoch" : "epochs")}, {OptimizerName}, seed {options.Seed}");
        if (options.Quick)
        {
            Console.WriteLine("--quick trains far too little to learn the task: expect nothing of the numbers below.");
        }

        var training = View(parts.Training);
        var watch = Stopwatch.StartNew();
        var model = TrainingDisplay.Show([OptimizerName], display => Pipeline(progress => display.Report(OptimizerName, progress)).Fit(training));
        if (!Team.IsFirst)
        {
            return 0;
        }

        Console.WriteLine($"Training took {watch.Elapsed.TotalSeconds:F1} s\n");

        Folders.KeepEarlier(options.OutputFolder, $"{FileName}.png", $"{FileName}.zip");
        var zip = Path.Combine(options.OutputFolder, $"{FileName}.zip");
        using ((IDisposable)model)
        {
            watch.Restart();
            Measure(model, parts);
            Console.WriteLine($"Measuring took {watch.Elapsed.TotalSeconds:F1} s");
            Context.Model.SaveAtomically(model, training.Schema, zip);
        }

        Console.WriteLine($"Model: {zip}, {new FileInfo(zip).Length / 1e6:F1} MB\n\nThe model, loaded again, about one text:");
        ScoreOne(Context.Model.Load(zip, out _));
        return 0;
    }

    /// <summary>Reads the shipped data or the user's own.</summary>
    protected abstract DataParts<TRow> Read();

    /// <summary>The pipeline to train.</summary>
    protected abstract IEstimator<ITransformer> Pipeline(Action<TrainingProgress> report);

    /// <summary>Prints how good the model is on the test rows, shows some of them, and draws the picture.</summary>
    protected abstract void Measure(ITransformer model, DataParts<TRow> parts);

    /// <summary>Scores one text with a prediction engine, which disposes the model with itself.</summary>
    protected abstract void ScoreOne(ITransformer loaded);

    /// <summary>Gives a trainer what all tasks set.</summary>
    protected T Set<T>(T trainer, Action<TrainingProgress> report)
        where T : TextTrainerOptions
    {
        trainer.Optimizer = options.Optimizer;
        trainer.MaxEpoch = options.Epochs;
        trainer.MaxSequenceLength = MaxTokens;
        trainer.MetricsCallback = report;
        trainer.Collective = Team.All;
        return trainer;
    }

    protected IDataView View(IEnumerable<TRow> rows) => Context.Data.LoadFromEnumerable(rows);

    /// <summary>Says which labels of the test rows no training row has: the model cannot know them, and the metrics leave them out.</summary>
    protected static void ReportUnknown(IEnumerable<string> training, IEnumerable<string> test)
    {
        var unknown = test.Except(training).Order(StringComparer.Ordinal).ToArray();
        if (unknown.Length > 0)
        {
            Console.WriteLine($"No training row has {string.Join(", ", unknown)}, so that the metrics count nothing of it.");
        }
    }

    /// <summary>Draws the picture of the task and says where it is.</summary>
    protected void Draw(string what, Action<string> save)
    {
        var path = Path.Combine(options.OutputFolder, $"{FileName}.png");
        save(path);
        Console.WriteLine($"{what}: {path}");
    }

    /// <summary>Rows to show: those of chosen places in the shipped data, or the first ones of the user's.</summary>
    protected IEnumerable<int> Shown(int[] chosen, int count) => (options.DataPath is null ? chosen : Enumerable.Range(0, 5)).Where(row => row < count);
}
