using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Compares how much of an encoder is trained: the head alone, solved or by steps, or LoRA in its last layers.</summary>
internal static class LayersCommand
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench layers --data FOLDER [--encoder MiniLM|BgeSmall] [--seeds N] [--epochs N] [--task NAME]...

          --data FOLDER   the data sets, as for accuracy
          --encoder NAME  MiniLM (default) or BgeSmall
          --seeds N       runs of each kind (default 3)
          --epochs N      passes over the rows (default 5)
          --task NAME     as for encoders; may be repeated (default all)
        """;

    /// <summary>Trains with iEF and default settings, and prints a table in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var tasks = AccuracyTask.Chosen(options);
        var (seeds, epochs) = (options.Count("--seeds") ?? 3, options.Count("--epochs") ?? 5);
        var (encoder, layers) = options.Choice("--encoder", "MiniLM", "BgeSmall") == "BgeSmall" ? (PretrainedModel.BgeSmall, 12) : (PretrainedModel.MiniLM, 6);
        (string Name, AdapterOptions Adapter, bool Keeps)[] kinds =
        [
            ("head, solved", Adapters.HeadOnly, true),
            ("head, iEF", Adapters.HeadOnly with { Solve = false }, true),
            ("head, iEF, nothing kept", Adapters.HeadOnly with { Solve = false }, false),
            .. new[] { 1, 2, 3, 4, 6, 8 }.Where(last => last < layers).Select(last => ($"LoRA, last {last}", (AdapterOptions)(Adapters.LoRA with { Layers = last }), true)),
            ("LoRA, all", Adapters.LoRA, true),
        ];
        Console.WriteLine($"{encoder}, {epochs} epochs, {seeds} seeds\n\n| task | trained | accuracy | loss | s per run | rows/s after the first epoch |\n|---|---|---|---|---|---|");
        foreach (var task in tasks)
        {
            foreach (var (name, adapter, keeps) in kinds)
            {
                AccuracyRun[] runs = [.. Enumerable.Range(0, seeds).Select(seed => AccuracyRun.Train(task, Optimizers.Ief, seed, encoder, epochs, changed =>
                {
                    changed.Adapter = adapter;
                    changed.FrozenLayerCache = keeps ? changed.FrozenLayerCache : null;
                }))];
                Console.WriteLine(
                    $"| {task.Name} | {name} | {runs.Average(run => run.FinalAccuracy):F3} | {runs.Average(run => run.FinalLoss):F3} | "
                    + $"{runs.Average(run => run.Seconds):F1} | {runs.Average(run => run.LaterRowsPerSecond):F0} |");
            }
        }

        return 0;
    }
}
