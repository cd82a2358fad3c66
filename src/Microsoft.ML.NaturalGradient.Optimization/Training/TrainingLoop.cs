using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Diagnostics;
using Microsoft.ML.NaturalGradient.Optimization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>Trains a model for several epochs, watches it on validation rows, and leaves it with the weights to keep.</summary>
/// <remarks>
/// Those are the weights after the last epoch; with early stopping, of the best epoch. A run that goes wrong goes on from good weights with
/// smaller steps (<see cref="DivergenceGuard"/>); one that cannot be saved ends at the best weights it had. An epoch whose validation loss is not
/// finite is never kept, whatever is watched, and early stopping counts it as one without improvement.
/// </remarks>
/// <param name="model">The model; changed.</param>
/// <param name="objective">The loss.</param>
/// <param name="settings">How to train.</param>
internal sealed class TrainingLoop(ITrainableModel model, IObjective objective, TrainingSettings settings) : IDisposable
{
    private const string Advice = "Lower LearningRate, raise Damping, or check labels and data for mistakes.";

    private readonly IReadOnlyList<NamedParameter> _parameters = model.TrainableParameters;
    private readonly Stopwatch _watch = new();
    private TrainingPosition _position = new();
    private WeightSnapshot? _kept;
    private Tensor? _randomness; // of the model's generator, at the position
    private ApproximationQuality? _quality;
    private double _secondsBefore; // the run was interrupted
    private TimeSpan _savedAt;
    private int _stepsSinceSave;

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
        using var guard = new DivergenceGuard(
            _parameters, () => settings.Optimizer.Build([.. _parameters.Select(named => named.Value)], settings.Seed), settings.GuessLoss);
        _quality = settings.Probe is { } probe ? new ApproximationQuality(guard.Optimizer.Parameters, probe, settings.Seed) : null;
        try
        {
            Restore(guard);
            _watch.Restart();
            while (!_position.IsFinished)
            {
                if (TrainEpoch(guard, training) is not { } report)
                {
                    return Fail(guard);
                }

                report = Validate(report, validation);
                report = Probe(report, training, _position.Epoch);
                settings.Report?.Invoke(report);
                _position.IsFinished = Keep(report) || _position.Epoch == settings.EpochCount;
                _position.StartNextEpoch();
                MarkPosition();
                Save(guard);
            }

            if (guard.IsAtStart)
            {
                throw new InvalidOperationException($"{_position.Trouble} Nothing was learned. {Advice}");
            }

            if (_position.Failure is not null)
            {
                return Fail(null);
            }

            _kept!.Restore();
            return new TrainingResult(_position.KeptEpoch, null);
        }
        catch (OperationCanceledException)
        {
            Save(guard);
            throw;
        }
        finally
        {
            Dispose();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _kept?.Dispose();
        _randomness?.Dispose();
        (_kept, _randomness) = (null, null);
    }

    // Null when the run went wrong and cannot be saved.
    private TrainingProgress? TrainEpoch(DivergenceGuard guard, IBatchSource training)
    {
        var epoch = _position.Epoch;
        model.SetTraining(true);
        foreach (var batch in training.Shuffled(epoch - 1, _position.Step))
        {
            using var owned = batch;
            using var scope = NewDisposeScope();
            settings.CheckAlive?.Invoke();
            if (Step(guard, training, batch) is not { } progress)
            {
                return null;
            }

            settings.Report?.Invoke(progress);
            if (_position.Step == training.BatchCount)
            {
                if (!EndsWell(batch, guard))
                {
                    return null;
                }
            }
            else if (IsSaveDue())
            {
                Save(guard);
            }
        }

        if (!_position.IsEndChecked) // interrupted between the last step and the look at what it did
        {
            using var last = training.Shuffled(epoch - 1, training.BatchCount - 1).First();
            using var scope = NewDisposeScope();
            if (!EndsWell(last, guard))
            {
                return null;
            }
        }

        return Describe(training, _position.Sums.LearningRate) with
        {
            EndOfEpoch = true,
            Loss = _position.Sums.Loss / _position.Sums.Rows,
            Accuracy = _position.Sums.Correct / (double)_position.Sums.Rows,
            GradientNormSpread = _position.Sums.GradientNormSpread,
            Condition = _position.Sums.Condition,
            DeadRows = _position.Sums.DeadRows,
            DampingRaised = _position.Sums.DampingRaised,
        };
    }

    // Null when the run went wrong and cannot be saved.
    private TrainingProgress? Step(DivergenceGuard guard, IBatchSource training, LabeledBatch batch)
    {
        var stepsDone = ((_position.Epoch - 1) * training.BatchCount) + _position.Step;
        var plannedRate = PlannedRate(_position.Step, training.BatchCount);
        using var evaluation = EvaluateOnGoodWeights(batch, guard, _position.Epoch, _position.Step + 1, plannedRate);
        if (evaluation is null)
        {
            return null;
        }

        var loss = evaluation.Losses.sum().item<double>();
        var correct = evaluation.CountCorrect();
        var quality = stepsDone % settings.Probe?.Every == 0 ? _quality!.Measure(model, objective, batch) : null;
        var rate = plannedRate * guard.RateFactor;
        var diagnostics = guard.Step(evaluation, rate);
        if (stepsDone == 0 && guard.Optimizer.Coverage?.Describe(settings.Optimizer.Name) is { } coverage)
        {
            settings.Notify?.Invoke(coverage);
        }

        var sums = _position.Sums;
        _position.Sums = new EpochSums
        {
            Loss = sums.Loss + loss,
            Correct = sums.Correct + correct,
            Rows = sums.Rows + evaluation.SampleCount,
            Condition = Larger(sums.Condition, diagnostics.Condition),
            DeadRows = sums.DeadRows + diagnostics.DeadRows,
            DampingRaised = sums.DampingRaised + diagnostics.DampingRaised,
            LearningRate = diagnostics.LearningRate ?? rate,
            GradientNormSpread = diagnostics.LargestGradientNorm / diagnostics.SmallestGradientNorm,
        };
        _position.RowsDone += evaluation.SampleCount;
        _position.Step++;
        _stepsSinceSave++;
        MarkPosition();
        return Describe(training, _position.Sums.LearningRate) with
        {
            Loss = loss / evaluation.SampleCount,
            Accuracy = correct / (double)evaluation.SampleCount,
            GradientNormSpread = _position.Sums.GradientNormSpread,
            Condition = diagnostics.Condition,
            DeadRows = diagnostics.DeadRows,
            DampingRaised = diagnostics.DampingRaised,
            Quality = quality,
        };
    }

    private TrainingProgress Describe(IBatchSource training, double learningRate)
    {
        var elapsed = _watch.Elapsed + TimeSpan.FromSeconds(_secondsBefore);
        return new TrainingProgress
        {
            Epoch = _position.Epoch,
            EpochCount = settings.EpochCount,
            Step = _position.Step,
            StepCount = training.BatchCount,
            EndOfEpoch = false,
            Loss = double.NaN,
            Accuracy = null,
            LearningRate = learningRate,
            RowsPerSecond = _position.RowsDone / elapsed.TotalSeconds,
            TimeLeft = elapsed * (((double)settings.EpochCount * training.SampleCount / _position.RowsDone) - 1),
        };
    }

    // Whether early stopping ends the run.
    private bool Keep(TrainingProgress report)
    {
        var score = Score(report);
        _position.Failure = double.IsFinite(report.ValidationLoss ?? 0) ? null : DescribeFailure(report);
        if (_position.Failure is null && (score is null || score < _position.Best - settings.EarlyStopping!.MinDelta))
        {
            _position.Best = score ?? _position.Best;
            _position.KeptEpoch = _position.Epoch;
            _kept?.Dispose();
            _kept = new WeightSnapshot(_parameters);
            return false;
        }

        return _position.Epoch - _position.KeptEpoch >= settings.EarlyStopping?.Patience;
    }

    private void Restore(DivergenceGuard guard)
    {
        if (settings.Checkpoints?.Take() is not { } state)
        {
            MarkPosition();
            return;
        }

        using (state)
        {
            _kept = state.Restore(_parameters, model.Randomness, guard);
            _position = state.Position;
        }

        _secondsBefore = _position.Seconds;
        if (_quality is not null)
        {
            _quality.Measured = _position.Measured;
        }

        MarkPosition();
        settings.Notify?.Invoke(
            _position.IsFinished
                ? "The run had ended before: its model is used again. Set Resume to false, or use another CheckpointFolder, to train anew."
                : string.Create(CultureInfo.InvariantCulture, $"The run goes on after step {_position.Step} of epoch {_position.Epoch}."));
    }

    // What a state that is saved later says the generators were.
    private void MarkPosition()
    {
        if (settings.Checkpoints is null)
        {
            return;
        }

        _position.Measured = _quality?.Measured ?? 0;
        _randomness?.Dispose();
        _randomness = model.Randomness?.get_state().DetachFromDisposeScope();
    }

    private bool IsSaveDue() => settings.Checkpoints?.Interval is { } interval
        && (_stepsSinceSave >= interval.Steps || _watch.Elapsed - _savedAt >= interval.Time);

    private void Save(DivergenceGuard guard)
    {
        if (settings.Checkpoints is not { } checkpoints)
        {
            return;
        }

        _position.Seconds = _secondsBefore + _watch.Elapsed.TotalSeconds;
        _position.Guard = guard.Position;
        checkpoints.Save(stream => TrainingState.Write(stream, _position, checkpoints.Identity, _parameters, _kept, guard, _randomness));
        (_savedAt, _stepsSinceSave) = (_watch.Elapsed, 0);
    }

    // The order is that of an epoch that is never trained, so that the batches are no better known than others.
    private TrainingProgress Probe(TrainingProgress report, IBatchSource training, int epoch)
    {
        if (settings.Probe is not { BatchesPerEpoch: > 0 } probe)
        {
            return report;
        }

        var found = new List<QualityReport>();
        foreach (var batch in training.Shuffled(settings.EpochCount + epoch - 1).Take(probe.BatchesPerEpoch))
        {
            using var owned = batch;
            settings.CheckAlive?.Invoke();
            found.Add(_quality!.Measure(model, objective, batch));
        }

        return report with { EpochQuality = found };
    }

    private TrainingProgress Validate(TrainingProgress report, IBatchSource? validation)
    {
        if (validation is null)
        {
            return report;
        }

        using var noGrad = no_grad();
        model.SetTraining(false);
        var (loss, correct) = (0.0, (long?)0);
        foreach (var batch in validation.Ordered())
        {
            using var owned = batch;
            using var scope = NewDisposeScope();
            settings.CheckAlive?.Invoke();
            using var evaluation = BatchEvaluation.Run(objective, batch.Labels, false, () => model.Forward(batch.Input));
            loss += evaluation.Losses.sum().item<double>();
            correct += model.CountCorrect(batch.Input) ?? evaluation.CountCorrect();
        }

        return report with
        {
            ValidationLoss = loss / validation.SampleCount,
            ValidationAccuracy = correct / (double)validation.SampleCount,
        };
    }

    // Smaller is better; null when nothing is compared.
    private double? Score(TrainingProgress report) => settings.EarlyStopping is not { } stopping || report.ValidationLoss is null
        ? null
        : stopping.WatchAccuracy ? -report.ValidationAccuracy : report.ValidationLoss;

    // Null when the loss is wrong at every weights that can be gone back to.
    private BatchEvaluation? EvaluateOnGoodWeights(LabeledBatch batch, DivergenceGuard guard, int epoch, int step, double rate)
    {
        while (true)
        {
            var evaluation = BatchEvaluation.Run(
                objective, batch.Labels, guard.Optimizer.NeedsPerSampleGradients, () => model.Forward(batch.Input), model.Randomness);
            if (guard.Watch(evaluation.Losses, epoch, step - 1) is not { } trouble)
            {
                return evaluation;
            }

            evaluation.Dispose();
            if (!TryRescue(guard, trouble, epoch, step, rate))
            {
                return null;
            }
        }
    }

    // The last step of an epoch is followed by no other batch that would show what it did.
    private bool EndsWell(LabeledBatch batch, DivergenceGuard guard)
    {
        using var noGrad = no_grad();
        var trouble = IsFinite() ? null : "stopped being a number, because weights are not finite";
        if (trouble is null && settings.GuessLoss is not null)
        {
            using var evaluation = BatchEvaluation.Run(objective, batch.Labels, false, () => model.Forward(batch.Input), model.Randomness);
            trouble = guard.Judge(evaluation.Losses.mean().item<double>(), evaluation.SampleCount);
        }

        if (trouble is not null && !TryRescue(guard, trouble, _position.Epoch, step: null, PlannedRate(_position.Step - 1, _position.Step)))
        {
            return false;
        }

        _position.IsEndChecked = true;
        MarkPosition();
        return true;
    }

    private bool TryRescue(DivergenceGuard guard, string trouble, int epoch, int? step, double rate)
    {
        var what = string.Create(
            CultureInfo.InvariantCulture,
            $"The training loss {trouble} {(step is null ? "at the end" : $"at step {step}")} of epoch {epoch} (learning rate {rate * guard.RateFactor:G4}).");
        if (guard.TryRescue())
        {
            _position.Trouble = what;
            settings.Warn?.Invoke(
                $"{what} The training goes on from the weights of {Place(guard.Good)} with half the learning rate. If this goes on, lower LearningRate or raise Damping.");
            return true;
        }

        _position.Failure = guard.Rescues == 0
            ? $"{what} Lower LearningRate or raise Damping."
            : $"{what} It did so {guard.Rescues} times before, although the learning rate was halved each time. {Advice}";
        return false;
    }

    // The best weights: of the epochs that early stopping compares, else those that the guard went back to, else of the last good epoch.
    private TrainingResult Fail(DivergenceGuard? guard)
    {
        var (failure, keptEpoch) = (_position.Failure, _position.KeptEpoch);
        if (guard is { HasLearned: true } && (_kept is null || settings.EarlyStopping is null))
        {
            return new TrainingResult(guard.Good.Epoch, $"{failure} The weights are those of {Place(guard.Good)}.");
        }

        if (_kept is null)
        {
            throw new InvalidOperationException(failure);
        }

        _kept.Restore();
        return new TrainingResult(keptEpoch, $"{failure} The weights are those after epoch {keptEpoch}.");
    }

    private static string Place((int Epoch, int Step) good) => good == default
        ? "the start"
        : string.Create(CultureInfo.InvariantCulture, $"step {good.Step} of epoch {good.Epoch}");

    private double PlannedRate(int step, int stepsPerEpoch) => settings.Optimizer.ResolveLearningRate(settings.ClassCount)
        * settings.Optimizer.Schedule.Factor(((_position.Epoch - 1) * stepsPerEpoch) + step, stepsPerEpoch * settings.EpochCount);

    private static double? Larger(double? a, double? b) => a is null || b > a ? b : a;

    private bool IsFinite()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _parameters.All(named => named.Value.isfinite().all().item<bool>());
    }

    private static string DescribeFailure(TrainingProgress report) => string.Create(
        CultureInfo.InvariantCulture,
        $"The validation loss became {report.ValidationLoss} after epoch {report.Epoch}, where the training loss is {report.Loss:G4} (learning rate "
        + $"{report.LearningRate:G4}). Lower LearningRate or raise Damping.");
}
