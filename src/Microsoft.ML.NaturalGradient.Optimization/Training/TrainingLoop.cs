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
internal sealed class TrainingLoop(ITrainableModel model, IObjective objective, TrainingSettings settings)
{
    private const string Advice = "Lower LearningRate, raise Damping, or check labels and data for mistakes.";

    private readonly IReadOnlyList<NamedParameter> _parameters = model.TrainableParameters;
    private readonly Stopwatch _watch = new();
    private ApproximationQuality? _quality;
    private long _rowsDone;
    private string? _failure; // why the run stopped
    private string? _trouble; // why it was taken back last

    /// <summary>Runs the training.</summary>
    /// <param name="training">Training rows.</param>
    /// <param name="validation">Validation rows; null for none.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="InvalidOperationException">The run went wrong before it had learned anything, or no epoch ended with a finite validation loss.</exception>
    public TrainingResult Run(IBatchSource training, IBatchSource? validation)
    {
        using var guard = new DivergenceGuard(
            _parameters, () => settings.Optimizer.Build([.. _parameters.Select(named => named.Value)], settings.Seed), settings.GuessLoss);
        _quality = settings.Probe is { } probe ? new ApproximationQuality(guard.Optimizer.Parameters, probe, settings.Seed) : null;
        WeightSnapshot? kept = null;
        try
        {
            _watch.Restart();
            _rowsDone = 0;
            var (keptEpoch, best) = (0, double.PositiveInfinity);
            for (var epoch = 1; epoch <= settings.EpochCount; epoch++)
            {
                if (TrainEpoch(guard, training, epoch) is not { } report)
                {
                    return Fail(guard, kept, keptEpoch);
                }

                report = Probe(Validate(report, validation), training, epoch);
                settings.Report?.Invoke(report);
                var score = Score(report);
                _failure = double.IsFinite(report.ValidationLoss ?? 0) ? null : Describe(report);
                if (_failure is null && (score is null || score < best - settings.EarlyStopping!.MinDelta))
                {
                    best = score ?? best;
                    keptEpoch = epoch;
                    kept?.Dispose();
                    kept = new WeightSnapshot(_parameters);
                }
                else if (epoch - keptEpoch >= settings.EarlyStopping?.Patience)
                {
                    break;
                }
            }

            if (guard.IsAtStart)
            {
                throw new InvalidOperationException($"{_trouble} Nothing was learned. {Advice}");
            }

            if (_failure is not null)
            {
                return Fail(null, kept, keptEpoch);
            }

            kept!.Restore();
            return new TrainingResult(keptEpoch, null);
        }
        finally
        {
            kept?.Dispose();
        }
    }

    // Null when the run went wrong and cannot be saved.
    private TrainingProgress? TrainEpoch(DivergenceGuard guard, IBatchSource training, int epoch)
    {
        var (loss, correct, rows, step) = (0.0, (long?)0, 0L, 0);
        var (condition, deadRows, raised) = ((double?)null, 0, 0);
        TrainingProgress? progress = null;
        model.SetTraining(true);
        foreach (var batch in training.Shuffled(epoch - 1))
        {
            using var owned = batch;
            using var scope = NewDisposeScope();
            settings.CheckAlive?.Invoke();
            var stepsDone = ((epoch - 1) * training.BatchCount) + step;
            var plannedRate = LearningRate(stepsDone, training.BatchCount);
            step++;
            using var evaluation = EvaluateOnGoodWeights(batch, guard, epoch, step, plannedRate);
            if (evaluation is null)
            {
                return null;
            }

            var batchLoss = evaluation.Losses.sum().item<double>();
            var batchCorrect = evaluation.CountCorrect();
            var quality = stepsDone % settings.Probe?.Every == 0 ? _quality!.Measure(model, objective, batch) : null;
            var rate = plannedRate * guard.RateFactor;
            var diagnostics = guard.Step(evaluation, rate);
            if (stepsDone == 0 && guard.Optimizer.Coverage?.Describe(settings.Optimizer.Name) is { } coverage)
            {
                settings.Notify?.Invoke(coverage);
            }

            (loss, correct, rows, _rowsDone) =
                (loss + batchLoss, correct + batchCorrect, rows + evaluation.SampleCount, _rowsDone + evaluation.SampleCount);
            (condition, deadRows, raised) = (
                Larger(condition, diagnostics.Condition), deadRows + diagnostics.DeadRows, raised + diagnostics.DampingRaised);
            progress = new TrainingProgress
            {
                Epoch = epoch,
                EpochCount = settings.EpochCount,
                Step = step,
                StepCount = training.BatchCount,
                EndOfEpoch = false,
                Loss = batchLoss / evaluation.SampleCount,
                Accuracy = batchCorrect / (double)evaluation.SampleCount,
                LearningRate = diagnostics.LearningRate ?? rate,
                RowsPerSecond = _rowsDone / _watch.Elapsed.TotalSeconds,
                TimeLeft = _watch.Elapsed * (((double)settings.EpochCount * training.SampleCount / _rowsDone) - 1),
                GradientNormSpread = diagnostics.LargestGradientNorm / diagnostics.SmallestGradientNorm,
                Condition = diagnostics.Condition,
                DeadRows = diagnostics.DeadRows,
                DampingRaised = diagnostics.DampingRaised,
                Quality = quality,
            };
            settings.Report?.Invoke(progress);
            if (step == training.BatchCount && !EndsWell(batch, guard, epoch, plannedRate))
            {
                return null;
            }
        }

        return progress! with
        {
            EndOfEpoch = true,
            Quality = null,
            Loss = loss / rows,
            Accuracy = correct / (double)rows,
            Condition = condition,
            DeadRows = deadRows,
            DampingRaised = raised,
        };
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
    private bool EndsWell(LabeledBatch batch, DivergenceGuard guard, int epoch, double rate)
    {
        using var noGrad = no_grad();
        var trouble = IsFinite() ? null : "stopped being a number, because weights are not finite";
        if (trouble is null && settings.GuessLoss is not null)
        {
            using var evaluation = BatchEvaluation.Run(objective, batch.Labels, false, () => model.Forward(batch.Input), model.Randomness);
            trouble = guard.Judge(evaluation.Losses.mean().item<double>(), evaluation.SampleCount);
        }

        return trouble is null || TryRescue(guard, trouble, epoch, step: null, rate);
    }

    private bool TryRescue(DivergenceGuard guard, string trouble, int epoch, int? step, double rate)
    {
        var what = string.Create(
            CultureInfo.InvariantCulture,
            $"The training loss {trouble} {(step is null ? "at the end" : $"at step {step}")} of epoch {epoch} (learning rate {rate * guard.RateFactor:G4}).");
        if (guard.TryRescue())
        {
            _trouble = what;
            settings.Warn?.Invoke(
                $"{what} The training goes on from the weights of {Place(guard.Good)} with half the learning rate. If this goes on, lower LearningRate or raise Damping.");
            return true;
        }

        _failure = guard.Rescues == 0
            ? $"{what} Lower LearningRate or raise Damping."
            : $"{what} It did so {guard.Rescues} times before, although the learning rate was halved each time. {Advice}";
        return false;
    }

    // The best weights: of the epochs that early stopping compares, else those that the guard went back to, else of the last good epoch.
    private TrainingResult Fail(DivergenceGuard? guard, WeightSnapshot? kept, int keptEpoch)
    {
        if (guard is { HasLearned: true } && (kept is null || settings.EarlyStopping is null))
        {
            return new TrainingResult(guard.Good.Epoch, $"{_failure} The weights are those of {Place(guard.Good)}.");
        }

        if (kept is null)
        {
            throw new InvalidOperationException(_failure);
        }

        kept.Restore();
        return new TrainingResult(keptEpoch, $"{_failure} The weights are those after epoch {keptEpoch}.");
    }

    private static string Place((int Epoch, int Step) good) => good == default
        ? "the start"
        : string.Create(CultureInfo.InvariantCulture, $"step {good.Step} of epoch {good.Epoch}");

    private double LearningRate(int step, int stepsPerEpoch) => settings.Optimizer.ResolveLearningRate(settings.ClassCount)
        * settings.Optimizer.Schedule.Factor(step, stepsPerEpoch * settings.EpochCount);

    private static double? Larger(double? a, double? b) => a is null || b > a ? b : a;

    private bool IsFinite()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _parameters.All(named => named.Value.isfinite().all().item<bool>());
    }

    private static string Describe(TrainingProgress report) => string.Create(
        CultureInfo.InvariantCulture,
        $"The validation loss became {report.ValidationLoss} after epoch {report.Epoch}, where the training loss is {report.Loss:G4} (learning rate "
        + $"{report.LearningRate:G4}). Lower LearningRate or raise Damping.");
}
