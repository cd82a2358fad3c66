namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Keeps what a trainer reports after each epoch.</summary>
internal sealed class EpochRecorder
{
    private readonly List<(double Accuracy, double Loss)> _epochs = [];
    private double _trainingLoss;

    /// <summary>Takes a report; those of single steps are passed over.</summary>
    /// <param name="progress">The report.</param>
    public void Report(TrainingProgress progress)
    {
        if (progress.EndOfEpoch)
        {
            _epochs.Add((progress.ValidationAccuracy!.Value, progress.ValidationLoss!.Value));
            _trainingLoss = progress.Loss;
        }
    }

    /// <summary>Sums up.</summary>
    /// <param name="time">Time of the run.</param>
    /// <returns>The results of the run.</returns>
    public AccuracyRun ToRun(TimeSpan time) => new(_epochs, _trainingLoss, time.TotalSeconds);
}
