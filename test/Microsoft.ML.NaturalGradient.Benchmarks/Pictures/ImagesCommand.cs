using Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;
using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>Fine-tunes the embedded image encoder on CIFAR-10 pictures with iEF, with AdamW, and its head alone.</summary>
internal static class ImagesCommand
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench images --data FOLDER [OPTION VALUE]...

          --data FOLDER    with cifar10-subset/cifar10-train.tgz and cifar10-test.tgz
          --train N        training pictures of each class, the first by name (default 100)
          --test N         validation pictures of each class, the first by name (default 50)
          --seeds N        runs of each row of the table (default 3)
          --epochs N       epochs of a run (default 5)
          --size N         width and height of the pictures, a multiple of 14 (default 98)
          --only TEXT      only the rows of the table whose name contains TEXT
        """;

    private static readonly (string Name, OptimizerOptions Optimizer, AdapterOptions Adapter)[] Contenders =
    [
        ("LoRA, iEF", Optimizers.Ief, Adapters.LoRA),
        ("LoRA, AdamW", Optimizers.AdamW, Adapters.LoRA),
        ("head only, iEF", Optimizers.Ief, Adapters.HeadOnly with { Solve = false }),
    ];

    /// <summary>Runs and prints a table in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var (data, chosen) = (options.Required("--data"), options.Parts("--only", [.. Contenders.Select(row => row.Name)]));
        var (size, epochs, seeds) = (options.Count("--size") ?? 98, options.Count("--epochs") ?? 5, options.Count("--seeds") ?? 3);
        if (size % 14 > 0)
        {
            throw new UsageException($"--size needs a multiple of 14, such as 98 or 224, not {size}.");
        }

        var folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            var task = new ImagesTask
            {
                Training = First(data, "train", options.Count("--train") ?? 100, folder),
                Validation = First(data, "test", options.Count("--test") ?? 50, folder),
                Epochs = epochs,
                Size = size,
            };
            Console.WriteLine(
                $"{task.Training.Count} training, {task.Validation.Count} validation pictures of {task.Size} x {task.Size}, {task.Epochs} epochs\n");
            Console.WriteLine("| trained | accuracy, last epoch | of each seed | best epoch | loss, last epoch | training loss | s per run |\n|---|---|---|---|---|---|---|");
            foreach (var (name, optimizer, adapter) in Contenders.Where(row => chosen.Contains(row.Name)))
            {
                Print(name, [.. Enumerable.Range(0, seeds).Select(seed => task.Train(optimizer, adapter, seed))]);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static IReadOnlyList<ImageRow> First(string data, string part, int count, string folder) => CifarSubset.Extract(
        CifarSubset.Read(data, part).GroupBy(picture => picture.Label)
            .SelectMany(group => group.Take(count)),
        Path.Combine(folder, part));

    private static void Print(string name, AccuracyRun[] runs) => Console.WriteLine(
        $"| {name} | {runs.Average(run => run.FinalAccuracy):F3} | {string.Join(", ", runs.Select(run => $"{run.FinalAccuracy:F3}"))} | "
        + $"{runs.Average(run => run.BestAccuracy):F3} | {runs.Average(run => run.FinalLoss):F3} | {runs.Average(run => run.TrainingLoss):F3} | {runs.Average(run => run.Seconds):F0} |");
}
