namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Validation results of one training run.</summary>
/// <param name="Epochs">Accuracy and loss after each epoch.</param>
/// <param name="TrainingLoss">Mean training loss of the last epoch.</param>
/// <param name="Seconds">Time of the run.</param>
internal sealed record AccuracyRun(IReadOnlyList<(double Accuracy, double Loss)> Epochs, double TrainingLoss, double Seconds)
{
    /// <summary>Accuracy after the last epoch.</summary>
    public double FinalAccuracy => Epochs[^1].Accuracy;

    /// <summary>Loss after the last epoch.</summary>
    public double FinalLoss => Epochs[^1].Loss;

    /// <summary>Accuracy of the best epoch.</summary>
    public double BestAccuracy => Epochs.Max(epoch => epoch.Accuracy);

    /// <summary>Trains as a user would, with default settings and the rows and length limit of the reference runs.</summary>
    /// <param name="task">The data.</param>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="seed">Seed of the context.</param>
    /// <param name="encoder">The encoder; null for the reference runs'.</param>
    /// <param name="epochs">Passes over the rows.</param>
    /// <returns>The results.</returns>
    public static AccuracyRun Train(AccuracyTask task, OptimizerOptions optimizer, int seed, PretrainedModel? encoder = null, int epochs = 5)
    {
        var context = new MLContext(seed);
        var key = context.Transforms.Conversion.MapValueToKey("Label");
        var training = context.Data.LoadFromEnumerable(task.Training);
        var keys = key.Fit(training);
        var (recorder, watch) = (new EpochRecorder(), System.Diagnostics.Stopwatch.StartNew());
        var trainer = context.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Optimizer = optimizer,
            Sentence1ColumnName = "Text",
            Model = encoder ?? PretrainedModel.MiniLM,
            MaxEpoch = epochs,
            MaxSequenceLength = 96,
            ValidationSet = keys.Transform(context.Data.LoadFromEnumerable(task.Validation)),
            MetricsCallback = recorder.Report,
        });
        using var model = trainer.Fit(keys.Transform(training));
        return recorder.ToRun(watch.Elapsed);
    }
}
