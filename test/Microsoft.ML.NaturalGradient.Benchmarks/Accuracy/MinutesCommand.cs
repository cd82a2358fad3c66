using System.Text.Json;
using Microsoft.ML.Trainers;
using ReplicationSample;
using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>What so many minutes of training buy: word counts, a solved head, and LoRA by iEF and AdamW, on eight data sets and two encoders.</summary>
/// <remarks>Results are kept in a file, one line for each run, so that a command that was stopped goes on.</remarks>
internal static class MinutesCommand
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench minutes --data FOLDER --results FILE [--minutes N]... [--seeds N] [--task NAME]... [--speed X]

          --data FOLDER   the data sets, as for accuracy, sst5-sentences, wordnet-glosses and banking77
          --results FILE  lines of JSON; runs that are in it are not made again. ./build.sh replicate minutes FILE draws them
          --minutes N     a budget; may be repeated (default 1, 3 and 10)
          --seeds N       runs of each kind (default 3)
          --task NAME     as for encoders, or SST-5, WordNet, Banking77; may be repeated (default all)
          --encoder NAME  MiniLM, BgeSmall or, as BgeSmall:8, its first layers; may be repeated (default MiniLM and BgeSmall:8)
          --way TEXT      only ways of training whose name has this, as iEF; may be repeated (default all)
          --speed X       count X seconds for each second of processor time instead of the clock's, where other work runs beside
        """;

    private const double LongestForAllRows = 3; // minutes; longer runs hold rows out and stop early
    private const double HeldOut = 0.1;
    private const int Patience = 5;
    private const int MostEpochs = 1000;
    private const string WordCounts = "word counts, SDCA";

    private static readonly PretrainedModel[] DefaultEncoders = [PretrainedModel.MiniLM, PretrainedModel.BgeSmall with { Layers = 8 }];
    private static readonly double[] AdamWRates = [3e-4, 1e-3, 3e-3];

    /// <summary>Trains what the file lacks, and prints a table in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var (file, seeds) = (options.Required("--results"), options.Count("--seeds") ?? 3);
        double[] budgets = options.Numbers("--minutes") is { Count: > 0 } given ? [.. given] : [1, 3, 10];
        var clock = options.Numbers("--speed") is [.., var speed] ? new ProcessorClock(speed) : TimeProvider.System;
        var tasks = AccuracyTask.Chosen(options, AccuracyTask.ManyClasses.Keys);
        PretrainedModel[] encoders = options.All("--encoder") is { Count: > 0 } named ? [.. named.Select(EncoderNames.Parse)] : DefaultEncoders;
        var ways = options.Parts("--way", [.. Runs(tasks[0], 0, budgets, clock, encoders).Select(run => run.Key.Way).Distinct()]);
        var known = ResultFile.Read<MinutesResult>(file).ToDictionary(result => result.Key);

        foreach (var seed in Enumerable.Range(0, seeds))
        {
            foreach (var task in tasks)
            {
                foreach (var (key, train) in Runs(task, seed, budgets, clock, encoders).Where(run => !known.ContainsKey(run.Key.Key) && ways.Contains(run.Key.Way)))
                {
                    var start = clock.GetTimestamp();
                    var result = train() with { Seconds = clock.GetElapsedTime(start).TotalSeconds };
                    known.Add(key.Key, result);
                    File.AppendAllText(file, JsonSerializer.Serialize(result) + "\n");
                }
            }
        }

        Print(known.Values);
        return 0;
    }

    private static IEnumerable<(MinutesResult Key, Func<MinutesResult> Train)> Runs(AccuracyTask task, int seed, double[] budgets, TimeProvider clock, PretrainedModel[] encoders)
    {
        yield return Named(WordCounts, 0, key => CountWords(key, task, seed));
        foreach (var encoder in encoders)
        {
            yield return Named($"{encoder}: head, solved", 0, key => FineTune(key, encoder, Optimizers.Ief, changed => changed.Adapter = Adapters.HeadOnly));
            foreach (var budget in budgets)
            {
                foreach (var optimizer in AdamWRates.Select(rate => (OptimizerOptions)(Optimizers.AdamW with { LearningRate = rate })).Prepend(Optimizers.Ief))
                {
                    var rate = optimizer is AdamWOptions { LearningRate: { } given } ? FormattableString.Invariant($" {given}") : "";
                    yield return Named($"{encoder}: LoRA, {optimizer.Name}{rate}", budget, key => FineTune(key, encoder, optimizer, changed =>
                    {
                        changed.TimeBudget = TimeSpan.FromMinutes(budget);
                        if (budget > LongestForAllRows)
                        {
                            (changed.ValidationSetFraction, changed.EarlyStopping) = (HeldOut, new EarlyStopping { Patience = Patience });
                        }
                    }));
                }
            }
        }

        (MinutesResult, Func<MinutesResult>) Named(string way, double budget, Func<MinutesResult, MinutesResult> train)
        {
            var key = new MinutesResult(task.Name, way, budget, seed, 0, 0, 0, 0);
            return (key, () => train(key));
        }

        MinutesResult FineTune(MinutesResult key, PretrainedModel encoder, OptimizerOptions optimizer, Action<TextClassificationTrainer.Options> change)
        {
            var epochs = 0;
            var run = AccuracyRun.Train(task, optimizer, seed, encoder, MostEpochs, changed =>
            {
                changed.ValidationSet = null;
                changed.Clock = clock;
                changed.MetricsCallback = progress => epochs += progress.EndOfEpoch ? 1 : 0;
                change(changed);
            });
            return key with { Accuracy = run.FinalAccuracy, Loss = run.FinalLoss, Epochs = epochs };
        }
    }

    private static MinutesResult CountWords(MinutesResult key, AccuracyTask task, int seed)
    {
        var context = new MLContext(seed);
        var model = context.Transforms.Conversion.MapValueToKey("Label")
            .Append(context.Transforms.Text.FeaturizeText("Features", "Text"))
            .AppendCacheCheckpoint(context)
            .Append(context.MulticlassClassification.Trainers.SdcaMaximumEntropy(new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1 })) // repeatable
            .Fit(context.Data.LoadFromEnumerable(task.Training));
        var metrics = context.MulticlassClassification.Evaluate(model.Transform(context.Data.LoadFromEnumerable(task.Validation)));
        return key with { Accuracy = metrics.MicroAccuracy, Loss = metrics.LogLoss };
    }

    private static void Print(IReadOnlyCollection<MinutesResult> results)
    {
        Console.WriteLine("| task | training | minutes | seeds | accuracy | loss | epochs | s |\n|---|---|---|---|---|---|---|---|");
        foreach (var runs in results.GroupBy(result => (result.Task, result.Way, result.Minutes)).OrderBy(runs => runs.Key))
        {
            Console.WriteLine(
                $"| {runs.Key.Task} | {runs.Key.Way} | {runs.Key.Minutes:0.#} | {runs.Count()} | {runs.Average(run => run.Accuracy):F3} | {runs.Average(run => run.Loss):F3} | "
                + $"{runs.Average(run => run.Epochs):0.#} | {runs.Average(run => run.Seconds):F0} |");
        }
    }
}
