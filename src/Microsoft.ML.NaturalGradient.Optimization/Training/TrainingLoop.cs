using System.Globalization;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Diagnostics;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>Trains a model for several epochs, watches it on validation rows, and leaves it with the weights to keep.</summary>
/// <remarks>
/// Those are the weights after the last epoch; with early stopping, of the best epoch. A run that goes wrong goes on from good weights with
/// smaller steps (<see cref="DivergenceGuard"/>); one that cannot be saved ends at the best weights it had. An epoch whose validation loss is not
/// finite is never kept, whatever is watched, and early stopping counts it as one without improvement. Where the time is up in the middle of an epoch, it
/// ends there, as the last one.
/// </remarks>
/// <param name="model">The model; changed.</param>
/// <param name="objective">The loss.</param>
/// <param name="settings">How to train.</param>
internal sealed class TrainingLoop(ITrainableModel model, IObjective objective, TrainingSettings settings)
{
    private const string Advice = "Lower LearningRate, raise Damping, or check labels and data for mistakes.";

    private readonly IReadOnlyList<NamedParameter> _parameters = model.TrainableParameters;
    private readonly RunEvaluation _evaluation = new(model, objective, settings);

    // Of the call of Run that goes on; it disposes them.
    private DivergenceGuard _guard = null!;
    private RunState _state = null!;
    private RunBudget _budget = null!;
    private ApproximationQuality? _quality;
    private bool _isAgreed; // whether all processes came to the end that an exception tells

    private TrainingPosition Position => _state.Position;

    /// <summary>Runs the training.</summary>
    /// <param name="training">Training rows.</param>
    /// <param name="validation">Validation rows; null for none.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="InvalidOperationException">
    /// The run went wrong before it had learned anything, or no epoch ended with a finite validation loss, or the state to go on from is that of another run.
    /// </exception>
    /// <exception cref="InvalidDataException">The state to go on from does not fit the model.</exception>
    public TrainingResult Run(IBatchSource training, IBatchSource? validation)
    {
        try
        {
            return RunToEnd(training, validation);
        }
        catch (Exception e) when (!_isAgreed && !_evaluation.IsStopped)
        {
            settings.Processes?.Abort(e.Message); // the others wait for what this process will not do
            throw;
        }
    }

    private TrainingResult RunToEnd(IBatchSource training, IBatchSource? validation)
    {
        using var heap = new NativeHeap();
        using var guard = new DivergenceGuard(
            _parameters, () => settings.Optimizer.Build(new ParameterSet(_parameters), settings.Seed), settings.GuessLoss);
        _quality = settings.Probe is { } probe ? new ApproximationQuality(guard.Optimizer.Parameters, probe, settings.Seed) : null;
        using var state = new RunState(model, _parameters, guard, _quality, settings.Checkpoints, settings.Clock);
        (_guard, _state) = (guard, state);
        _budget = new RunBudget(settings.TimeBudget, RowsAtEnd(training, validation), () => state.Elapsed, settings.Processes);
        _isAgreed = true; // all have the same state to go on from
        var isRestored = state.TryRestore(settings.EpochCount, training.BatchCount);
        _isAgreed = false;
        AgreeOnWeights();
        if (isRestored)
        {
            settings.Notify?.Invoke(DescribeRestored());
            if (Position is { IsFinished: false, Epoch: > 1, Step: 0 } && _budget.IsOver)
            {
                EndByBudget(training);
                state.Save();
            }
        }

        try
        {
            while (!Position.IsFinished)
            {
                if (TrainEpoch(training) is not { } report)
                {
                    return Fail(toGuarded: true);
                }

                report = Probe(Validate(report, validation), training);
                _evaluation.Report(report);
                _budget.CountEnd();
                Position.IsFinished = Keep(report) || Position.Epoch == settings.EpochCount;
                if (Position.IsCut || (!Position.IsFinished && _budget.IsOver))
                {
                    EndByBudget(training);
                }

                AgreeOnWeights();
                Position.StartNextEpoch();
                state.Mark();
                state.Save();
            }
        }
        catch (OperationCanceledException)
        {
            state.Save();
            throw;
        }

        if (guard.IsAtStart)
        {
            _isAgreed = true;
            throw new InvalidOperationException($"{Position.Trouble} Nothing was learned. {Advice}");
        }

        if (Position.Failure is not null)
        {
            return Fail(toGuarded: false);
        }

        state.Kept!.Restore();
        return new TrainingResult(Position.KeptEpoch, null);
    }

    // Null when the run went wrong and cannot be saved.
    private TrainingProgress? TrainEpoch(IBatchSource training)
    {
        model.SetTraining(true);
        CutIfOver(training);
        foreach (var batch in Position.IsCut ? [] : training.Shuffled(Position.Epoch - 1, Position.Step))
        {
            using var owned = batch;
            using var scope = NewDisposeScope();
            _evaluation.CheckAlive();
            if (Step(training, batch) is not { } progress)
            {
                return null;
            }

            _evaluation.Report(progress);
            _budget.CountStep((int)batch.Input.SampleCount);
            CutIfOver(training);
            if (Position.Step < training.BatchCount && !Position.IsCut)
            {
                _state.SaveIfDue();
                continue;
            }

            if (!EndsWell(training, batch))
            {
                return null;
            }

            break;
        }

        if (!Position.IsEndChecked) // interrupted between the last step and the look at what it did
        {
            using var last = training.Shuffled(Position.Epoch - 1, Position.Step - 1).First();
            using var scope = NewDisposeScope();
            if (!EndsWell(training, last))
            {
                return null;
            }
        }

        return Describe(training, Position.Sums.LearningRate) with
        {
            EndOfEpoch = true,
            Loss = Position.Sums.MeanLoss,
            Accuracy = Position.Sums.Correct / (double)Position.Sums.Rows,
            GradientNormSpread = Position.Sums.GradientNormSpread,
            Condition = Position.Sums.Condition,
            DeadRows = Position.Sums.DeadRows,
            DampingRaised = Position.Sums.DampingRaised,
        };
    }

    // Null when the run went wrong and cannot be saved.
    private TrainingProgress? Step(IBatchSource training, LabeledBatch batch)
    {
        var stepsDone = StepsUntil(training, Position.Step);
        var before = settings.Processes?.Sent ?? default;
        var plannedRate = PlannedRate(training, Position.Step);
        using var padded = PackedRows.Forbid(_guard.Optimizer.ReadsLayerInputs);
        using var evaluation = EvaluateOnGoodWeights(batch, plannedRate);
        if (evaluation is null)
        {
            return null;
        }

        var loss = evaluation.MeanLoss;
        var correct = evaluation.CountCorrect();
        var quality = stepsDone % settings.Probe?.Every == 0 ? _evaluation.Measure(_quality!, batch) : null;
        var rate = plannedRate * _guard.RateFactor;
        var diagnostics = _guard.Step(evaluation, rate);
        if (stepsDone == 0 && _guard.Optimizer.Coverage?.Describe(settings.Optimizer.Name) is { } coverage)
        {
            settings.Notify?.Invoke(coverage);
        }

        if (stepsDone == 0 && settings.Processes is { } group)
        {
            settings.Notify?.Invoke(group.DescribeStep(evaluation.SampleCount, before));
        }

        Position.Sums = Position.Sums.Plus(evaluation, loss, correct, diagnostics, rate);
        Position.RowsDone += evaluation.SampleCount;
        Position.Step++;
        _state.Mark();
        return Describe(training, Position.Sums.LearningRate) with
        {
            Loss = loss,
            Accuracy = correct / (double)evaluation.SampleCount,
            GradientNormSpread = Position.Sums.GradientNormSpread,
            Condition = diagnostics.Condition,
            DeadRows = diagnostics.DeadRows,
            DampingRaised = diagnostics.DampingRaised,
            Quality = quality,
        };
    }

    private TrainingProgress Describe(IBatchSource training, double learningRate)
    {
        var elapsed = _state.Elapsed;
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
            LearningRate = learningRate,
            RowsPerSecond = Position.RowsDone / elapsed.TotalSeconds,
            TimeLeft = Position.IsCut ? TimeSpan.Zero : _budget.Left < left ? _budget.Left.Value : left,
        };
    }

    // Whether early stopping ends the run.
    private bool Keep(TrainingProgress report)
    {
        var score = Score(report);
        Position.Failure = double.IsFinite(report.ValidationLoss ?? 0) ? null : DescribeFailure(report);
        if (Position.Failure is null && (score is null || score < Position.Best - settings.EarlyStopping!.MinDelta))
        {
            Position.Best = score ?? Position.Best;
            Position.KeptEpoch = Position.Epoch;
            _state.Keep();
            return false;
        }

        return Position.Epoch - Position.KeptEpoch >= settings.EarlyStopping?.Patience;
    }

    // The order is that of an epoch that is never trained, so that the batches are no better known than others.
    private TrainingProgress Probe(TrainingProgress report, IBatchSource training)
    {
        if (settings.Probe is not { BatchesPerEpoch: > 0 } probe)
        {
            return report;
        }

        var found = new List<QualityReport>();
        foreach (var batch in training.Shuffled(settings.EpochCount + Position.Epoch - 1).Take(probe.BatchesPerEpoch))
        {
            using var owned = batch;
            _evaluation.CheckAlive();
            found.Add(_evaluation.Measure(_quality!, batch));
        }

        return report with { EpochQuality = found };
    }

    private TrainingProgress Validate(TrainingProgress report, IBatchSource? validation)
    {
        if (validation is null)
        {
            return report;
        }

        var (loss, accuracy) = _evaluation.Validate(validation);
        return report with { ValidationLoss = loss, ValidationAccuracy = accuracy };
    }

    // Processors that round differently would drift apart.
    private void AgreeOnWeights()
    {
        foreach (var named in _parameters)
        {
            settings.Processes?.Broadcast(named.Value);
        }
    }

    // Smaller is better; null when nothing is compared.
    private double? Score(TrainingProgress report) => settings.EarlyStopping is not { } stopping || report.ValidationLoss is null
        ? null
        : stopping.WatchAccuracy ? -report.ValidationAccuracy : report.ValidationLoss;

    // Null when the loss is wrong at every weights that can be gone back to.
    private BatchEvaluation? EvaluateOnGoodWeights(LabeledBatch batch, double rate)
    {
        while (true)
        {
            var evaluation = _evaluation.Of(batch, _guard.Optimizer.NeedsPerSampleGradients, model.Randomness);
            if (_guard.Watch(evaluation.Losses, evaluation.MeanLoss, Position.Epoch, Position.Step) is not { } trouble)
            {
                return evaluation;
            }

            evaluation.Dispose();
            if (!TryRescue(trouble, FormattableString.Invariant($"at step {Position.Step + 1}"), rate))
            {
                return null;
            }
        }
    }

    // The last step of an epoch is followed by no other batch that would show what it did.
    private bool EndsWell(IBatchSource training, LabeledBatch batch)
    {
        using var noGrad = no_grad();
        var trouble = _parameters.All(named => named.Value.IsFinite()) ? null : "stopped being a number, because weights are not finite";
        if (trouble is null && settings.GuessLoss is not null)
        {
            using var evaluation = _evaluation.Of(batch, false, model.Randomness);
            trouble = _guard.Judge(evaluation.MeanLoss, evaluation.SampleCount);
        }

        if (trouble is not null && !TryRescue(trouble, "at the end", PlannedRate(training, Position.Step - 1)))
        {
            return false;
        }

        Position.IsEndChecked = true;
        _state.Mark();
        return true;
    }

    private bool TryRescue(string trouble, string when, double rate)
    {
        var what = FormattableString.Invariant(
            $"The training loss {trouble} {when} of epoch {Position.Epoch} (learning rate {rate * _guard.RateFactor:G4}).");
        if (_guard.TryRescue())
        {
            Position.Trouble = what;
            settings.Warn?.Invoke(
                $"{what} The training goes on from the weights of {Place(_guard.Good)} with half the learning rate. If this goes on, lower LearningRate or raise Damping.");
            return true;
        }

        Position.Failure = _guard.Rescues == 0
            ? $"{what} Lower LearningRate or raise Damping."
            : $"{what} It did so {_guard.Rescues} times before, although the learning rate was halved each time. {Advice}";
        return false;
    }

    // The best weights: of the epochs that early stopping compares, else those that the guard went back to, else of the last good epoch.
    private TrainingResult Fail(bool toGuarded)
    {
        if (toGuarded && _guard.HasLearned && (_state.Kept is null || settings.EarlyStopping is null))
        {
            return new TrainingResult(_guard.Good.Epoch, $"{Position.Failure} The weights are those of {Place(_guard.Good)}.");
        }

        if (_state.Kept is null)
        {
            _isAgreed = true;
            throw new InvalidOperationException(Position.Failure);
        }

        _state.Kept.Restore();
        return new TrainingResult(Position.KeptEpoch, $"{Position.Failure} The weights are those after epoch {Position.KeptEpoch}.");
    }

    private static string Place((int Epoch, int Step) good) => good == default
        ? "the start"
        : FormattableString.Invariant($"step {good.Step} of epoch {good.Epoch}");

    private long StepsUntil(IBatchSource training, int step) => ((Position.Epoch - 1L) * training.BatchCount) + step;

    // The schedule is as far as the steps or the clock, whichever is further. The first step is at its start, even where no time is left.
    private double PlannedRate(IBatchSource training, int step)
    {
        var (done, count) = (StepsUntil(training, step), (long)training.BatchCount * settings.EpochCount);
        return settings.Optimizer.ResolveLearningRate(settings.ClassCount)
            * settings.Optimizer.Schedule.FactorAt(done == 0 ? 0 : Math.Max(done, _budget.Progress * count), count);
    }

    // At least one step is taken in an epoch that begins.
    private void CutIfOver(IBatchSource training) =>
        Position.IsCut |= Position.Step > 0 && Position.Step < training.BatchCount && _budget.IsOver;

    private void EndByBudget(IBatchSource training)
    {
        Position.IsFinished = true;
        var place = Position.Step == 0 ? $"epoch {Position.Epoch - 1}"
            : Position.IsCut ? $"step {Position.Step} of {training.BatchCount} in epoch {Position.Epoch}"
            : $"epoch {Position.Epoch}";
        settings.Notify?.Invoke($"The TimeBudget is used up: the run ends after {place}, {StepsUntil(training, Position.Step)} steps in all.");
    }

    // What measures update directions takes about as long as a step, of three forward passes, on each batch.
    private double RowsAtEnd(IBatchSource training, IBatchSource? validation)
    {
        var batch = (double)training.SampleCount / training.BatchCount;
        return (validation?.SampleCount ?? 0) + (settings.GuessLoss is null ? 0 : batch) + (3 * batch * (settings.Probe?.BatchesPerEpoch ?? 0));
    }

    private string DescribeRestored() => Position.IsFinished
        ? "The run had ended before: its model is used again. Set Resume to false, or use another CheckpointFolder, to train anew."
        : FormattableString.Invariant($"The run goes on after step {Position.Step} of epoch {Position.Epoch}.")
            + (_budget.Left is { } left ? $" Of its TimeBudget {TimeSpan.FromSeconds((long)left.TotalSeconds)} are left." : "");

    private static string DescribeFailure(TrainingProgress report) => string.Create(
        CultureInfo.InvariantCulture,
        $"The validation loss became {report.ValidationLoss} after epoch {report.Epoch}, where the training loss is {report.Loss:G4} (learning rate "
        + $"{report.LearningRate:G4}). Lower LearningRate or raise Damping.");
}
