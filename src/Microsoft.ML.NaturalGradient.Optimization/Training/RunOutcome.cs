using System.Globalization;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>Which weights a run keeps, what it is taken back to, and how it ends.</summary>
/// <param name="settings">How it is trained.</param>
/// <param name="guard">What notices that it goes wrong.</param>
/// <param name="state">Where it is; it holds the kept weights.</param>
internal sealed class RunOutcome(TrainingSettings settings, DivergenceGuard guard, RunState state)
{
    private const string Advice = "Lower LearningRate, raise Damping, or check labels and data for mistakes.";

    private TrainingPosition Position => state.Position;

    /// <summary>Why the run cannot end with a model; null where it can.</summary>
    public string? NothingLearned => guard.IsAtStart ? $"{Position.Trouble} Nothing was learned. {Advice}" : null;

    /// <summary>Keeps the weights of an epoch that is the best so far, or compared with none.</summary>
    /// <param name="report">What the epoch gave.</param>
    /// <returns>Whether early stopping ends the run.</returns>
    public bool Keep(TrainingProgress report)
    {
        var score = Score(report);
        Position.Failure = double.IsFinite(report.ValidationLoss ?? 0) ? null : DescribeFailure(report);
        if (Position.Failure is null && (score is null || score < Position.Best - settings.EarlyStopping!.MinDelta))
        {
            Position.Best = score ?? Position.Best;
            Position.KeptEpoch = Position.Epoch;
            state.Keep();
            return false;
        }

        return Position.Epoch - Position.KeptEpoch >= settings.EarlyStopping?.Patience;
    }

    /// <summary>Takes a run that went wrong back to good weights.</summary>
    /// <param name="trouble">What is wrong, as the end of a sentence.</param>
    /// <param name="when">When, like "at step 3".</param>
    /// <param name="rate">The planned learning rate.</param>
    /// <returns>Whether it goes on; if not, the position says why.</returns>
    public bool TryRescue(string trouble, string when, double rate)
    {
        var what = FormattableString.Invariant(
            $"The training loss {trouble} {when} of epoch {Position.Epoch} (learning rate {rate * guard.RateFactor:G4}).");
        if (guard.TryRescue())
        {
            Position.Trouble = what;
            settings.Warn?.Invoke(
                $"{what} The training goes on from the weights of {Place(guard.Good)} with half the learning rate. If this goes on, lower LearningRate or raise Damping.");
            return true;
        }

        Position.Failure = guard.Rescues == 0
            ? $"{what} Lower LearningRate or raise Damping."
            : $"{what} It did so {guard.Rescues} times before, although the learning rate was halved each time. {Advice}";
        return false;
    }

    /// <summary>Leaves the model of a run that went wrong with the best weights: of the epochs that early stopping compares, else those that the guard went back to, else of the last good epoch.</summary>
    /// <param name="toGuarded">Whether the guard went back to its own.</param>
    /// <returns>How the run ended; null where there are no good weights.</returns>
    public TrainingResult? Fail(bool toGuarded)
    {
        if (toGuarded && guard.HasLearned && (state.Kept is null || settings.EarlyStopping is null))
        {
            return new TrainingResult(guard.Good.Epoch, $"{Position.Failure} The weights are those of {Place(guard.Good)}.");
        }

        state.Kept?.Restore();
        return state.Kept is null ? null : new TrainingResult(Position.KeptEpoch, $"{Position.Failure} The weights are those after epoch {Position.KeptEpoch}.");
    }

    // Smaller is better; null when nothing is compared.
    private double? Score(TrainingProgress report) => settings.EarlyStopping is not { } stopping || report.ValidationLoss is null
        ? null
        : stopping.WatchAccuracy ? -report.ValidationAccuracy : report.ValidationLoss;

    private static string Place((int Epoch, int Step) good) => good == default
        ? "the start"
        : FormattableString.Invariant($"step {good.Step} of epoch {good.Epoch}");

    private static string DescribeFailure(TrainingProgress report) => string.Create(
        CultureInfo.InvariantCulture,
        $"The validation loss became {report.ValidationLoss} after epoch {report.Epoch}, where the training loss is {report.Loss:G4} (learning rate "
        + $"{report.LearningRate:G4}). Lower LearningRate or raise Damping.");
}
