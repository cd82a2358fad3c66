namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Validation results of one training run.</summary>
/// <param name="Epochs">Accuracy and loss after each epoch.</param>
/// <param name="TrainingLoss">Mean training loss of the last epoch.</param>
/// <param name="Seconds">Time of the run.</param>
/// <param name="LaterRowsPerSecond">Training rows a second from the second epoch on, validation included; not a number with a single epoch.</param>
internal sealed record AccuracyRun(IReadOnlyList<(double Accuracy, double Loss)> Epochs, double TrainingLoss, double Seconds, double LaterRowsPerSecond)
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
    /// <param name="change">Changes other settings; null for none. Without validation rows they are scored once, in the end.</param>
    /// <returns>The results.</returns>
    public static AccuracyRun Train(
        AccuracyTask task, OptimizerOptions optimizer, int seed, PretrainedModel? encoder = null, int epochs = 5, Action<TextClassificationTrainer.Options>? change = null)
    {
        var context = new MLContext(seed);
        var key = context.Transforms.Conversion.MapValueToKey("Label");
        var training = context.Data.LoadFromEnumerable(task.Training);
        var keys = key.Fit(training);
        var (recorder, watch) = (new EpochRecorder(), System.Diagnostics.Stopwatch.StartNew());
        var options = new TextClassificationTrainer.Options
        {
            Optimizer = optimizer,
            Sentence1ColumnName = "Text",
            Model = encoder ?? PretrainedModel.MiniLM,
            MaxEpoch = epochs,
            MaxSequenceLength = 96,
            ValidationSet = keys.Transform(context.Data.LoadFromEnumerable(task.Validation)),
            MetricsCallback = recorder.Report,
        };
        change?.Invoke(options);
        using var model = context.MulticlassClassification.Trainers.TextClassification(options).Fit(keys.Transform(training));
        var run = recorder.ToRun(watch.Elapsed, task.Training.Count);
        if (options.ValidationSet is not null)
        {
            return run;
        }

        var metrics = context.MulticlassClassification.Evaluate(model.Transform(keys.Transform(context.Data.LoadFromEnumerable(task.Validation))));
        return run with { Epochs = [(metrics.MicroAccuracy, metrics.LogLoss)] };
    }
}
