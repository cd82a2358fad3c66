using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Compares trainings whose products with frozen weights are exact or rounded: accuracy, loss, time and γ.</summary>
internal static class PrecisionCommand
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench precision --data FOLDER [--encoder NAME] [--seeds N] [--epochs N] [--task NAME]...

          --data FOLDER   the data sets, as for accuracy
          --encoder NAME  MiniLM (default), BgeSmall or, as BgeSmall:8, its first layers
          --seeds N       runs of each kind (default 3)
          --epochs N      passes over the rows (default 2)
          --task NAME     as for encoders; may be repeated (default all)
        """;

    /// <summary>Trains with iEF and default settings, and prints a table in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var tasks = AccuracyTask.Chosen(options);
        var (seeds, epochs) = (options.Count("--seeds") ?? 3, options.Count("--epochs") ?? 2);
        var encoder = EncoderNames.Parse(options.Text("--encoder") ?? "MiniLM");
        Console.WriteLine("| task | products | accuracy | loss | s per run | γ of SGD, EF, iEF |\n|---|---|---|---|---|---|");
        foreach (var task in tasks)
        {
            foreach (var precision in new[] { Precision.Float32, Precision.BFloat16 })
            {
                AccuracyRun[] runs = [.. Enumerable.Range(0, seeds).Select(
                    seed => AccuracyRun.Train(task, Optimizers.Ief, seed, encoder, epochs, changed => changed.Precision = precision))];
                Console.WriteLine(
                    $"| {task.Name} | {precision} | {runs.Average(run => run.FinalAccuracy):F3} | {runs.Average(run => run.FinalLoss):F3} | "
                    + $"{runs.Average(run => run.Seconds):F1} | {Gammas(task, encoder, precision)} |");
            }
        }

        return 0;
    }

    private static string Gammas(AccuracyTask task, PretrainedModel encoder, Precision precision)
    {
        var reports = new List<QualityReport>();
        AccuracyRun.Train(task, Optimizers.Ief, 0, encoder, 1, changed =>
        {
            changed.Precision = precision;
            changed.QualityProbe = new QualityProbe { Every = null, BatchesPerEpoch = 10, Directions = [Optimizers.Ef, Optimizers.Ief] };
            changed.MetricsCallback += progress => reports.AddRange(progress.EpochQuality);
        });
        return string.Join(", ", [
            $"{reports.Average(report => report.SgdGamma):F3}",
            .. Enumerable.Range(0, 2).Select(direction => $"{reports.Average(report => report.Directions[direction].Gamma):F3}")]);
    }
}
