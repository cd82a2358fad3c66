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
    private readonly IReadOnlyList<NamedParameter> _parameters = model.TrainableParameters;
    private readonly RunEvaluation _evaluation = new(model, objective, settings);

    // Of the call of Run that goes on; it disposes them.
    private DivergenceGuard _guard = null!;
    private RunState _state = null!;
    private RunSchedule _schedule = null!;
    private RunOutcome _outcome = null!;
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
        (_schedule, _outcome) = (new RunSchedule(settings, training, validation, state), new RunOutcome(settings, guard, state));
        _isAgreed = true; // all have the same state to go on from
        var isRestored = state.TryRestore(settings.EpochCount, training.BatchCount);
        _isAgreed = false;
        AgreeOnWeights();
        if (isRestored)
        {
            settings.Notify?.Invoke(DescribeRestored());
            if (Position is { IsFinished: false, Epoch: > 1, Step: 0 } && _schedule.IsOver)
            {
                _schedule.End();
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
                _schedule.CountEnd();
                Position.IsFinished = _outcome.Keep(report) || Position.Epoch == settings.EpochCount;
                if (Position.IsCut || (!Position.IsFinished && _schedule.IsOver))
                {
                    _schedule.End();
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

        if (_outcome.NothingLearned is { } reason)
        {
            throw Agreed(reason);
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
        _schedule.CutIfOver();
        foreach (var batch in Position.IsCut ? [] : training.Shuffled(Position.Epoch - 1, Position.Step))
        {
            using var owned = batch;
            using var scope = NewDisposeScope();
            _evaluation.CheckAlive();
            if (Step(batch) is not { } progress)
            {
                return null;
            }

            _evaluation.Report(progress);
            _schedule.CountStep((int)batch.Input.SampleCount);
            if (Position.Step < training.BatchCount && !Position.IsCut)
            {
                _state.SaveIfDue();
                continue;
            }

            if (!EndsWell(batch))
            {
                return null;
            }

            break;
        }

        if (!Position.IsEndChecked) // interrupted between the last step and the look at what it did
        {
            using var last = training.Shuffled(Position.Epoch - 1, Position.Step - 1).First();
            using var scope = NewDisposeScope();
            if (!EndsWell(last))
            {
                return null;
            }
        }

        return _schedule.Describe() with
        {
            EndOfEpoch = true,
            Loss = Position.Sums.MeanLoss,
            Accuracy = Position.Sums.Accuracy,
            GradientNormSpread = Position.Sums.GradientNormSpread,
            Condition = Position.Sums.Condition,
            DeadRows = Position.Sums.DeadRows,
            DampingRaised = Position.Sums.DampingRaised,
        };
    }

    // Null when the run went wrong and cannot be saved.
    private TrainingProgress? Step(LabeledBatch batch)
    {
        var stepsDone = _schedule.StepsUntil(Position.Step);
        var before = settings.Processes?.Sent ?? default;
        var plannedRate = _schedule.PlannedRate(Position.Step);
        using var padded = PackedRows.Forbid(_guard.Optimizer.ReadsLayerInputs);
        using var evaluation = EvaluateOnGoodWeights(batch, plannedRate);
        if (evaluation is null)
        {
            return null;
        }

        var loss = evaluation.MeanLoss;
        var correct = evaluation.WeighCorrect();
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
        return _schedule.Describe() with
        {
            Loss = loss,
            Accuracy = correct / evaluation.Weights.Sum,
            GradientNormSpread = Position.Sums.GradientNormSpread,
            Condition = diagnostics.Condition,
            DeadRows = diagnostics.DeadRows,
            DampingRaised = diagnostics.DampingRaised,
            Quality = quality,
        };
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
            if (!_outcome.TryRescue(trouble, FormattableString.Invariant($"at step {Position.Step + 1}"), rate))
            {
                return null;
            }
        }
    }

    // The last step of an epoch is followed by no other batch that would show what it did.
    private bool EndsWell(LabeledBatch batch)
    {
        using var noGrad = no_grad();
        var trouble = _parameters.All(named => named.Value.IsFinite()) ? null : "stopped being a number, because weights are not finite";
        if (trouble is null && settings.GuessLoss is not null)
        {
            using var evaluation = _evaluation.Of(batch, false, model.Randomness);
            trouble = _guard.Judge(evaluation.MeanLoss, evaluation.SampleCount);
        }

        if (trouble is not null && !_outcome.TryRescue(trouble, "at the end", _schedule.PlannedRate(Position.Step - 1)))
        {
            return false;
        }

        Position.IsEndChecked = true;
        _state.Mark();
        return true;
    }

    private TrainingResult Fail(bool toGuarded) => _outcome.Fail(toGuarded) ?? throw Agreed(Position.Failure!);

    private InvalidOperationException Agreed(string message)
    {
        _isAgreed = true;
        return new InvalidOperationException(message);
    }

    private string DescribeRestored() => Position.IsFinished
        ? "The run had ended before: its model is used again. Set Resume to false, or use another CheckpointFolder, to train anew."
        : FormattableString.Invariant($"The run goes on after step {Position.Step} of epoch {Position.Epoch}.")
            + (_schedule.TimeLeft is { } left ? $" Of its TimeBudget {TimeSpan.FromSeconds((long)left.TotalSeconds)} are left." : "");
}
