using System.Globalization;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>A multi-layer perceptron from scratch on CIFAR-10 pictures, by optimizer.</summary>
/// <remarks>
/// The experiment of Wu et al., "An Improved Empirical Fisher Approximation for Natural Gradient Descent", NeurIPS 2024, App. H.7, on fewer
/// pictures: 10.5 million weights, batches of 64. The learning rate of each optimizer is searched from the paper's in steps of a factor of
/// four, on validation rows, until the best is not the largest or smallest tried. All learning rates fall linearly to zero; the paper divides
/// Adam's by ten at epoch 15.
/// </remarks>
internal static class MlpCommand
{
    private const string Usage = """
        Usage: ./build.sh bench mlp --data FOLDER [OPTION VALUE]...

          --data FOLDER       with cifar10-subset/cifar10-train.tgz and cifar10-test.tgz
          --epochs N          epochs of a run (default 60)
          --search-epochs N   epochs of a run that only chooses the learning rate (default a third)
          --seeds N           runs with the chosen learning rate (default 3)
          --hidden N          width of both hidden layers (default 2048)
          --optimizer NAME    only this one: iEF, Adam, SGD or EF
          --csv FILE          takes every epoch of every run (default mlp.csv)
        """;

    private const double Factor = 4;
    private const int MostRates = 7;

    // The paper's learning rates; those of iEF for summed losses, 50 / 64.
    private static readonly (string Name, OptimizerOptions Options, double PaperRate)[] Contenders =
    [
        ("iEF", Optimizers.Ief, 50 / 64.0),
        ("Adam", Optimizers.AdamW with { Schedule = LearningRateSchedule.Linear }, 1e-4),
        ("SGD", Optimizers.Sgd, 0.1),
        ("EF", Optimizers.Ef, 1e-4),
    ];

    /// <summary>Runs, writes a file of all epochs and prints a table in Markdown.</summary>
    /// <param name="arguments">The arguments after <c>mlp</c>.</param>
    /// <returns>The exit code.</returns>
    public static int Run(IReadOnlyList<string> arguments)
    {
        if (CommandOptions.Parse(arguments, Usage) is not { } options)
        {
            return 2;
        }

        var epochs = options.Number("--epochs", 60);
        var (search, hidden) = (options.Number("--search-epochs", Math.Max(1, epochs / 3)), options.Number("--hidden", 2048));
        using var data = new MlpData(options.Text("--data")!);
        using var file = new StreamWriter(options.Text("--csv") ?? "mlp.csv") { AutoFlush = true };
        file.WriteLine("optimizer,learning_rate,seed,epochs,epoch,training_loss,training_accuracy,validation_loss,validation_accuracy");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{data.Description}; hidden layers of {hidden}, {epochs} epochs ({search} to search)\n"));
        Console.WriteLine("| optimizer | learning rate | best validation accuracy | of each seed | last epoch | test accuracy | training loss | s per epoch | rates tried |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (var (name, choice, paperRate) in Contenders.Where(one => options.Text("--optimizer") is not { } only || only == one.Name))
        {
            MlpRun Train(double rate, int epochCount, int seed)
            {
                var run = MlpRun.Train(data, choice with { LearningRate = rate }, hidden, epochCount, seed);
                Log(file, name, rate, seed, epochCount, run);
                return run;
            }

            var tried = Search(paperRate, rate => Train(rate, search, 0).BestAccuracy);
            var best = tried.MaxBy(pair => pair.Value).Key;
            Print(name, best, tried, [.. Enumerable.Range(0, options.Number("--seeds", 3)).Select(seed => Train(best, epochs, seed))]);
        }

        return 0;
    }

    private static SortedDictionary<double, double> Search(double start, Func<double, double> score)
    {
        var tried = new SortedDictionary<double, double>();
        foreach (var rate in new[] { start, start * Factor, start / Factor })
        {
            tried.Add(rate, score(rate));
        }

        while (tried.Count < MostRates)
        {
            var best = tried.MaxBy(pair => pair.Value).Key;
            var (low, high) = (tried.First().Key, tried.Last().Key);
            if (best > low && best < high)
            {
                break;
            }

            var next = best == low ? low / Factor : high * Factor;
            tried.Add(next, score(next));
        }

        return tried;
    }

    private static void Log(StreamWriter file, string name, double rate, int seed, int epochs, MlpRun run)
    {
        foreach (var epoch in run.Epochs)
        {
            file.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{name},{rate:G6},{seed},{epochs},{epoch.Epoch},{epoch.Loss:F5},{epoch.Accuracy:F4},{epoch.ValidationLoss:F5},{epoch.ValidationAccuracy:F4}"));
        }

        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name}, rate {rate:G4}, seed {seed}, {epochs} epochs: best {run.BestAccuracy:F3}, last {run.LastAccuracy:F3}, training loss {run.TrainingLoss:F3}, {run.Seconds:F0} s {run.Failure}"));
    }

    private static void Print(string name, double rate, SortedDictionary<double, double> tried, MlpRun[] runs)
    {
        var each = string.Join(", ", runs.Select(run => FormattableString.Invariant($"{run.BestAccuracy:F3}")));
        var rates = string.Join(", ", tried.Select(pair => FormattableString.Invariant($"{pair.Key:G3}: {pair.Value:F3}")));
        var seconds = runs.Sum(run => run.Seconds) / runs.Sum(run => Math.Max(1, run.Epochs.Count));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {name} | {rate:G3} | {runs.Average(run => run.BestAccuracy):F3} | {each} | {runs.Average(run => run.LastAccuracy):F3} | "
            + $"{runs.Average(run => run.TestAccuracy):F3} | {runs.Average(run => run.TrainingLoss):F3} | {seconds:F1} | {rates} |"));
    }
}
