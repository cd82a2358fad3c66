using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Memory;

/// <summary>The most memory that training takes, with and without micro-batches; one setting a process.</summary>
internal static class MicroBatchMemory
{
    /// <summary>Trains for two steps and prints a row of a table.</summary>
    /// <param name="adapter">"LoRA" or "Full".</param>
    /// <param name="microBatchSize">Rows of a micro-batch; null for whole batches.</param>
    /// <param name="optimizer">"iEF" or "AdamW".</param>
    /// <param name="batchSize">Rows of a batch.</param>
    public static void Run(string adapter, int? microBatchSize, string optimizer = "iEF", int batchSize = 128)
    {
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
    }
}
