using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Compares the embedded text encoders, and how many of their layers pay, on the data sets of the reference runs.</summary>
internal static class EncodersCommand
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench encoders --data FOLDER [--seeds N] [--epochs N] [--task NAME]...

          --data FOLDER   the data sets, as for accuracy
          --seeds N       runs of each encoder (default 3)
          --epochs N      passes over the rows (default 2)
          --task NAME     SST-2, CoLA, MR, "SMS spam" or "review sentences"; may be repeated (default all)
        """;

    private static readonly PretrainedModel[] Compared =
    [
        PretrainedModel.MiniLM, PretrainedModel.BgeSmall with { Layers = 6 }, PretrainedModel.BgeSmall with { Layers = 8 }, PretrainedModel.BgeSmall,
    ];

    /// <summary>Trains with iEF and default settings, and prints a table in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var tasks = AccuracyTask.Chosen(options);
        var (seeds, epochs) = (options.Count("--seeds") ?? 3, options.Count("--epochs") ?? 2);
        Console.WriteLine("| task | encoder | accuracy, last epoch | of each seed | loss, last epoch | s per run |\n|---|---|---|---|---|---|");
        foreach (var task in tasks)
        {
            foreach (var encoder in Compared)
            {
                AccuracyRun[] runs = [.. Enumerable.Range(0, seeds).Select(seed => AccuracyRun.Train(task, Optimizers.Ief, seed, encoder, epochs))];
                Console.WriteLine(
                    $"| {task.Name} | {encoder} | {runs.Average(run => run.FinalAccuracy):F3} | {string.Join(", ", runs.Select(run => $"{run.FinalAccuracy:F3}"))} | "
                    + $"{runs.Average(run => run.FinalLoss):F3} | {runs.Average(run => run.Seconds):F0} |");
            }
        }

        return 0;
    }
}
