using System.Text.Json;
using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Compares ways to train on 8 or 64 rows per class, on the draws of the reference runs.</summary>
internal static class FewRowsCommand
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench few-rows --data FOLDER [--rows 8|64] [--draws N] [--task sst2|mr]... [--way TEXT]...

          --data FOLDER   the data sets, as for accuracy
          --rows N        rows per class, 8 (default) or 64
          --draws N       how many of the five draws (default 3, as the reference)
          --task NAME     sst2 or mr; may be repeated (default both)
          --way TEXT      only ways to train that have the text in their name; may be repeated (default all)
        """;

    private static readonly int UsualSteps = new TextClassificationTrainer.Options { FewShot = true }.MaxEpoch;

    private static readonly (string Name, Action<TextClassificationTrainer.Options> Change)[] Ways =
    [
        ("head, solved", options => options.Adapter = Adapters.HeadOnly),
        ("few-shot, LoRA", options => (options.FewShot, options.MaxEpoch) = (true, UsualSteps)),
        ("few-shot, LoRA, 10 steps", options => options.FewShot = true),
        ("few-shot, all weights", options => (options.FewShot, options.MaxEpoch, options.Adapter) = (true, UsualSteps, Adapters.Full)),
        ("few-shot, all weights, 10 steps", options => (options.FewShot, options.Adapter) = (true, Adapters.Full)),
        ("few-shot, all weights, AdamW 1e-4, 30 steps", options => (options.FewShot, options.Adapter, options.MaxEpoch, options.Optimizer) =
            (true, Adapters.Full, 30, Optimizers.AdamW with { LearningRate = 1e-4 })),
        ("usual, iEF, 10 epochs", _ => { }),
        ("usual, AdamW 1e-3, 30 epochs of one batch", options => (options.MaxEpoch, options.Optimizer, options.BatchSize) = (30, Optimizers.AdamW with { LearningRate = 1e-3 }, 128)),
    ];

    /// <summary>Trains with BgeSmall and prints a table in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var (folder, rows, draws) = (options.Required("--data"), options.Choice("--rows", "8", "64"), options.Count("--draws") ?? 3);
        var (tasks, chosen) = (options.Choices("--task", "sst2", "mr"), options.Parts("--way", [.. Ways.Select(way => way.Name)]));
        using var all = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Accuracy", "few-rows.json")));
        Console.WriteLine("| task | training | accuracy | of each draw | loss | s per run |\n|---|---|---|---|---|---|");
        foreach (var (name, label, text) in new[] { ("sst2", 1, 0), ("mr", 0, 1) }.Where(task => tasks.Contains(task.Item1)))
        {
            var drawn = all.RootElement.GetProperty(name);
            foreach (var (way, change) in Ways.Where(way => chosen.Contains(way.Name)))
            {
                AccuracyRun[] runs = [.. drawn.GetProperty("draws").GetProperty(rows).EnumerateArray().Take(draws).Select((draw, seed) => AccuracyRun.Train(
                    AccuracyTask.Of(name, folder, drawn, draw, label, text), Optimizers.Ief, seed, PretrainedModel.BgeSmall, 10, changed =>
                    {
                        changed.ValidationSet = null;
                        change(changed);
                    }))];
                Console.WriteLine(
                    $"| {name} | {way} | {runs.Average(run => run.FinalAccuracy):F3} | {string.Join(", ", runs.Select(run => $"{run.FinalAccuracy:F3}"))} | "
                    + $"{runs.Average(run => run.FinalLoss):F3} | {runs.Average(run => run.Seconds):F1} |");
            }
        }

        return 0;
    }
}
