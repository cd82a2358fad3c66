using System.Diagnostics;
using System.Globalization;
using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Memory;

/// <summary>The most memory that training takes, with and without micro-batches; one setting a process.</summary>
internal static class MicroBatchMemory
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench memory-micro LoRA|Full ROWS
               ./build.sh bench memory-micro LoRA|Full all [iEF|AdamW BATCH]

        ROWS are those of a micro-batch of a batch of 128; with all, batches of BATCH rows (128) are whole.
        """;

    private static readonly string[] AdapterNames = ["LoRA", "Full"];
    private static readonly string[] OptimizerNames = ["iEF", "AdamW"];

    /// <summary>Trains for two steps and prints a row of a table.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var (adapter, microBatchSize, optimizer, batchSize) = options.Inputs switch
        {
            [var first, "all"] => (first, (int?)null, "iEF", 128),
            [var first, "all", var third, var rows] => (first, null, third, CommandOptions.Count("BATCH", rows)),
            [var first, var rows] => (first, CommandOptions.Count("ROWS", rows), "iEF", 128),
            _ => throw new UsageException("What to train and the rows of a batch are missing."),
        };
        if (!AdapterNames.Contains(adapter) || !OptimizerNames.Contains(optimizer))
        {
            throw new UsageException($"There is no adapter \"{adapter}\" or no optimizer \"{optimizer}\" here.");
        }

        var context = new MLContext(seed: 1);
        var watch = Stopwatch.StartNew();
        var trainer = context.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Sentence1ColumnName = "Text",
            Model = PretrainedModel.MiniLM,
            Adapter = adapter == "Full" ? Adapters.Full : Adapters.LoRA,
            Optimizer = optimizer == "AdamW" ? Optimizers.AdamW : Optimizers.Ief,
            BatchSize = batchSize,
            MicroBatchSize = microBatchSize,
            MaxEpoch = 2,
            MetricsCallback = progress =>
            {
                if (progress is { EndOfEpoch: false, Epoch: 1 })
                {
                    watch.Restart();
                }
            },
        });
        using var model = context.Transforms.Conversion.MapValueToKey("Label").Append(trainer)
            .Fit(context.Data.LoadFromEnumerable(TrainedModel.Rows(batchSize, words: 60)));
        using var process = Process.GetCurrentProcess();
        Console.WriteLine(
            $"| {adapter} | {optimizer} | {batchSize} | {microBatchSize?.ToString(CultureInfo.InvariantCulture) ?? "whole"} | {process.PeakWorkingSet64 / MemoryGrowth.Mebibyte:F0} | {watch.Elapsed.TotalSeconds:F1} |");
        return 0;
    }
}
