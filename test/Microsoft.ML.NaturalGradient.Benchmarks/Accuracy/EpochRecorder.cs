namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Keeps what a trainer reports after each epoch.</summary>
internal sealed class EpochRecorder
{
    private readonly List<(double Accuracy, double Loss)> _epochs = [];
    private readonly System.Diagnostics.Stopwatch _sinceFirst = new();
    private double _trainingLoss;

    /// <summary>Takes a report; those of single steps are passed over.</summary>
    /// <param name="progress">The report.</param>
    public void Report(TrainingProgress progress)
    {
        if (progress.EndOfEpoch)
        {
            _epochs.Add((progress.ValidationAccuracy ?? double.NaN, progress.ValidationLoss ?? double.NaN));
            _trainingLoss = progress.Loss;
            _sinceFirst.Start(); // goes on when it runs
        }
    }

    /// <summary>Sums up.</summary>
    /// <param name="time">Time of the run.</param>
    /// <param name="rows">Training rows.</param>
    /// <returns>The results of the run.</returns>
    public AccuracyRun ToRun(TimeSpan time, int rows) => new(
        _epochs, _trainingLoss, time.TotalSeconds, _epochs.Count > 1 ? (_epochs.Count - 1) * rows / _sinceFirst.Elapsed.TotalSeconds : double.NaN);
}
