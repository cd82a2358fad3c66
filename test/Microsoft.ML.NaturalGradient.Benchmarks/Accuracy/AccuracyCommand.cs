using Samples;


namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Trains on five data sets with default settings and compares with the reference runs.</summary>
internal static class AccuracyCommand
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench accuracy --data FOLDER [--seeds N] [--task NAME]...

          --data FOLDER   the data sets; Accuracy/README.md says how the folder is laid out
          --seeds N       runs of each optimizer (default 3)
          --task NAME     SST-2, CoLA, MR, "SMS spam" or "review sentences"; may be repeated (default all)
        """;

    private static readonly OptimizerOptions[] Compared = [Optimizers.Ief, Optimizers.AdamW];

    /// <summary>Runs and prints a table in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var tasks = AccuracyTask.Chosen(options);
        var seeds = options.Count("--seeds") ?? 3;
        Console.WriteLine("| task | optimizer | accuracy, last epoch | of each seed | best epoch | reference, last | best | loss, last epoch | training loss | s per run |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
        foreach (var task in tasks)
        {
            foreach (var optimizer in Compared)
            {
                Print(task, optimizer, [.. Enumerable.Range(0, seeds).Select(seed => AccuracyRun.Train(task, optimizer, seed))]);
            }
        }

        return 0;
    }

    private static void Print(AccuracyTask task, OptimizerOptions optimizer, AccuracyRun[] runs)
    {
        var reference = "– | –";
        if (optimizer is IefOptions)
        {
            var (final, best) = ReferenceRuns.DefaultIef(task.Name);
            reference = $"{final:F3} | {best:F3}";
        }

        var each = string.Join(", ", runs.Select(run => $"{run.FinalAccuracy:F3}"));
        Console.WriteLine(
            $"| {task.Name} | {optimizer.Name} | {runs.Average(run => run.FinalAccuracy):F3} | {each} | {runs.Average(run => run.BestAccuracy):F3} | {reference} | "
            + $"{runs.Average(run => run.FinalLoss):F3} | {runs.Average(run => run.TrainingLoss):F3} | {runs.Average(run => run.Seconds):F0} |");
    }
}
