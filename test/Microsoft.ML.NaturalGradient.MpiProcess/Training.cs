using System.Globalization;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.MpiProcesses;

/// <summary>Trains a tiny classifier together with the other processes, once for each optimizer; the first process prints the scores.</summary>
internal static class Training
{
    private static readonly string[] Words = ["good", "bad", "film", "book", "song", "meal", "was", "very", "not", "really", "the", "it"];

    /// <summary>Trains.</summary>
    /// <param name="world">The processes.</param>
    /// <param name="model">Folder of the tiny model.</param>
    /// <param name="methods">Names in <see cref="Optimizers"/>, separated by commas.</param>
    /// <param name="how">
    /// What the last process does otherwise: "same" for nothing, "rows" for one other row, "rate" for another learning rate, "model" for a folder that is not there, "throw" for
    /// an exception after three steps, "stop" for a cancellation after three steps, "cancel" for a callback that is cancelled then; "slow" has all processes wait after each step, "own" each read a part of the rows.
    /// </param>
    /// <param name="checkpoints">Folder of checkpoints; "" for none.</param>
    public static int Run(ICollective world, string model, string methods, string how, string checkpoints)
    {
        Console.WriteLine($"rank {world.Rank} of {world.Size} pid {Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}");
        foreach (var method in methods.Split(','))
        {
            try
            {
                Train(world, model, method, world.Rank == world.Size - 1 || how is "slow" or "own" ? how : "same", checkpoints);
            }
            catch (Exception e) when (how != "throw" && e is InvalidOperationException or OperationCanceledException or IOException)
            {
                Console.WriteLine($"rank {world.Rank}: {e.GetType().Name}: {e.Message}");
            }
        }

        return 0;
    }

    private static void Train(ICollective world, string model, string method, string how, string checkpoints)
    {
        var mlContext = new MLContext(seed: 5);
        if (world.Rank == 0)
        {
            mlContext.Log += (_, line) => Console.Write(line.Source.Contains("Trainer", StringComparison.Ordinal) ? $"log {line.RawMessage}\n" : "");
        }

        var rows = Enumerable.Range(0, 52).Select(row => new LabelledText
        {
            Label = row % 2 == 0 ? "good" : "bad",
            Text = $"the {Words[2 + (row % 4)]} was {Words[row % 2]} {(row == 3 && how == "rows" ? "it" : Words[6 + (row % 6)])}{(row % 3 == 0 ? " really not good" : "")}",
            Weight = 1 + (row % 3),
        }).ToArray();
        var data = mlContext.Data.LoadFromEnumerable(rows);
        data = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data)
            .Transform(how == "own" ? mlContext.Data.LoadFromEnumerable(rows.Where((_, row) => row * world.Size / rows.Length == world.Rank)) : data);
        var optimizer = (OptimizerOptions)typeof(Optimizers).GetProperty(method)!.GetValue(null)!;
        using var stop = new CancellationTokenSource();
        var steps = 0;
        var trainer = mlContext.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Sentence1ColumnName = "Text",
            ExampleWeightColumnName = "Weight",
            Model = PretrainedModel.FromFolder(how == "model" ? model + "-not-there" : model),
            Adapter = Adapters.LoRA with { Dropout = 0.1 },
            Optimizer = how == "rate" ? optimizer with { LearningRate = 0.5 } : optimizer,
            MaxEpoch = 3,
            BatchSize = 8,
            ValidationSetFraction = 0.2,
            EarlyStopping = new EarlyStopping(),
            Collective = world,
            ReadOwnRows = how == "own",
            CheckpointFolder = checkpoints.Length > 0 ? checkpoints : null,
            CheckpointEvery = new CheckpointInterval { Steps = 1 },
            CancellationToken = stop.Token,
            MetricsCallback = progress => Report(world, progress, ++steps, how, stop),
        });
        using var scored = trainer.Fit(data);
        var scores = scored.Transform(mlContext.Data.LoadFromEnumerable(rows)).GetColumn<float[]>("Score").SelectMany(row => row);
        if (world.Rank == 0)
        {
            Console.WriteLine($"scores {method} {string.Join(' ', scores.Select(score => score.ToString("R", CultureInfo.InvariantCulture)))}");
        }
    }

    private static void Report(ICollective world, TrainingProgress progress, int steps, string how, CancellationTokenSource stop)
    {
        if (world.Rank == 0)
        {
            Console.WriteLine($"step {progress.Epoch}.{progress.Step}");
        }

        if (how == "slow")
        {
            Thread.Sleep(100);
        }

        if (steps == 3 && how == "stop")
        {
            stop.Cancel();
        }

        if (steps == 3 && how == "cancel")
        {
            throw new OperationCanceledException("The callback was told to stop.");
        }

        if (steps == 3 && how == "throw")
        {
            throw new FormatException("The callback does not like this step.");
        }
    }

    private sealed class LabelledText
    {
        public string Label { get; set; } = "";

        public string Text { get; set; } = "";

        public float Weight { get; set; }
    }
}
