using System.Diagnostics;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Memory;

/// <summary>How much the process grows in a long training run and over many predictions.</summary>
internal static class MemoryGrowth
{
    /// <summary>Bytes of a mebibyte.</summary>
    internal const double Mebibyte = 1 << 20;

    private const int WarmSteps = 200;
    private const int Steps = 2_000;
    private const int WarmPredictions = 1_000;
    private const int Predictions = 20_000;

    /// <summary>Measures both and prints a table.</summary>
    public static void Run()
    {
        var context = new MLContext(seed: 1);
        Console.WriteLine("| what | count | resident after warm-up, MB | growth, MB |\n|---|---|---|---|");
        foreach (OptimizerOptions optimizer in new OptimizerOptions[] { Optimizers.Ief, Optimizers.AdamW })
        {
            Train(context, optimizer);
        }

        Predict(context);
    }

    /// <summary>Memory of this process that is resident now, in bytes.</summary>
    internal static long Resident()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    // Batches of 8 short rows: what leaks leaks per step, not per row.
    private static void Train(MLContext context, OptimizerOptions optimizer)
    {
        var (step, warm) = (0, 0L);
        var trainer = context.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Optimizer = optimizer,
            Sentence1ColumnName = "Text",
            Model = PretrainedModel.MiniLM,
            BatchSize = 8,
            MaxEpoch = 11,
            MetricsCallback = progress =>
            {
                if (!progress.EndOfEpoch && ++step == WarmSteps)
                {
                    warm = Resident();
                }
            },
        });
        var pipeline = context.Transforms.Conversion.MapValueToKey("Label").Append(trainer);
        var model = pipeline.Fit(context.Data.LoadFromEnumerable(TrainedModel.Rows(Steps * 8 / 10)));
        Print($"training steps, {optimizer.Name}", step - WarmSteps, warm);
        (model as IDisposable)?.Dispose();
    }

    private static void Predict(MLContext context)
    {
        var model = TrainedModel.Fit(context);
        using var engine = context.Model.CreatePredictionEngine<TrainedModel.Row, TrainedModel.Prediction>(model);
        var rows = TrainedModel.Rows(Predictions + WarmPredictions);
        foreach (var row in rows.Take(WarmPredictions))
        {
            engine.Predict(row);
        }

        var warm = Resident();
        foreach (var row in rows.Skip(WarmPredictions))
        {
            engine.Predict(row);
        }

        Print("predictions, one at a time", Predictions, warm);
    }

    private static void Print(string what, int count, long warm) =>
        Console.WriteLine($"| {what} | {count} | {warm / Mebibyte:F0} | {(Resident() - warm) / Mebibyte:F1} |");
}
