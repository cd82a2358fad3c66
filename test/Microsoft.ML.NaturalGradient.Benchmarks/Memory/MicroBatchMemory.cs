using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Memory;

/// <summary>The most memory that training in large batches takes, with and without micro-batches; one setting a process.</summary>
internal static class MicroBatchMemory
{
    private const int BatchSize = 128;

    /// <summary>Trains for two steps of iEF and prints a row of a table.</summary>
    /// <param name="adapter">"LoRA" or "Full".</param>
    /// <param name="microBatchSize">Rows of a micro-batch; null for whole batches.</param>
    public static void Run(string adapter, int? microBatchSize)
    {
        var context = new MLContext(seed: 1);
        var watch = Stopwatch.StartNew();
        var trainer = context.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Sentence1ColumnName = "Text",
            Model = PretrainedModel.MiniLM,
            Adapter = adapter == "Full" ? Adapters.Full : Adapters.LoRA,
            BatchSize = BatchSize,
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
            .Fit(context.Data.LoadFromEnumerable(TrainedModel.Rows(BatchSize, words: 60)));
        using var process = Process.GetCurrentProcess();
        Console.WriteLine(
            $"| {adapter} | {microBatchSize?.ToString(CultureInfo.InvariantCulture) ?? "whole"} | {process.PeakWorkingSet64 / MemoryGrowth.Mebibyte:F0} | {watch.Elapsed.TotalSeconds:F1} |");
    }
}
