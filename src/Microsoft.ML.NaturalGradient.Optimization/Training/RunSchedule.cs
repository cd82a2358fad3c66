namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>How far a run is in its steps and its time: learning rates, what is left, and its end where the time is up.</summary>
/// <param name="settings">How it is trained.</param>
/// <param name="training">Its rows.</param>
/// <param name="validation">The rows it is watched on; null for none.</param>
/// <param name="state">Where it is.</param>
internal sealed class RunSchedule(TrainingSettings settings, IBatchSource training, IBatchSource? validation, RunState state)
{
    private readonly RunBudget _budget = new(settings.TimeBudget, RowsAtEnd(settings, training, validation), () => state.Elapsed, settings.Processes);

    /// <summary>What is left of the time; null for no limit.</summary>
    public TimeSpan? TimeLeft => _budget.Left;

    /// <summary>Whether one more step, and the end of its epoch, would take too long.</summary>
    public bool IsOver => _budget.IsOver;

    private TrainingPosition Position => state.Position;

    private long StepCount => (long)training.BatchCount * settings.EpochCount;

    /// <summary>Counts steps from the start of the run.</summary>
    /// <param name="step">Steps taken in the epoch that goes on.</param>
    public long StepsUntil(int step) => ((Position.Epoch - 1L) * training.BatchCount) + step;

    /// <summary>The learning rate of a step, which is as far in its schedule as the steps or the clock, whichever is further. The first step is at its start, even where no time is left.</summary>
    /// <param name="step">Steps taken before it in the epoch that goes on.</param>
    public double PlannedRate(int step)
    {
        var done = StepsUntil(step);
        return settings.Optimizer.ResolveLearningRate(settings.ClassCount)
            * settings.Optimizer.Schedule.FactorAt(done == 0 ? 0 : Math.Max(done, _budget.Progress * StepCount), StepCount);
    }

    /// <summary>Notes that a step ended, and ends its epoch where there is no time for another.</summary>
    /// <param name="rows">Its rows.</param>
    public void CountStep(int rows)
    {
        _budget.CountStep(rows);
        CutIfOver();
    }

    /// <summary>Notes that an epoch ended, after its last step.</summary>
    public void CountEnd() => _budget.CountEnd();

    /// <summary>Ends the epoch where there is no time for another step. At least one is taken in an epoch that begins.</summary>
    public void CutIfOver() => Position.IsCut |= Position.Step > 0 && Position.Step < training.BatchCount && _budget.IsOver;

    /// <summary>Ends the run, whose time is up.</summary>
    public void End()
    {
        Position.IsFinished = true;
        var place = Position.Step == 0 ? $"epoch {Position.Epoch - 1}"
            : Position.IsCut ? $"step {Position.Step} of {training.BatchCount} in epoch {Position.Epoch}"
            : $"epoch {Position.Epoch}";
        settings.Notify?.Invoke($"The TimeBudget is used up: the run ends after {place}, {StepsUntil(Position.Step)} steps in all.");
    }

    /// <summary>Tells how far the run is, without what its rows gave.</summary>
    public TrainingProgress Describe()
    {
        var elapsed = state.Elapsed;
        var toCome = ((double)settings.EpochCount * training.SampleCount / Position.RowsDone) - 1;
        var left = elapsed.Ticks * toCome < TimeSpan.MaxValue.Ticks ? elapsed * toCome : TimeSpan.MaxValue;
        return new TrainingProgress
        {
            Epoch = Position.Epoch,
            EpochCount = settings.EpochCount,
            Step = Position.Step,
            StepCount = training.BatchCount,
            EndOfEpoch = false,
            Loss = double.NaN,
            Accuracy = null,
            LearningRate = Position.Sums.LearningRate,
            RowsPerSecond = Position.RowsDone / elapsed.TotalSeconds,
            TimeLeft = Position.IsCut ? TimeSpan.Zero : TimeLeft < left ? TimeLeft.Value : left,
        };
    }

    // What measures update directions takes about as long as a step, of three forward passes, on each batch.
    private static double RowsAtEnd(TrainingSettings settings, IBatchSource training, IBatchSource? validation)
    {
        var batch = (double)training.SampleCount / training.BatchCount;
        return (validation?.SampleCount ?? 0) + (settings.GuessLoss is null ? 0 : batch) + (3 * batch * (settings.Probe?.BatchesPerEpoch ?? 0));
    }
}
