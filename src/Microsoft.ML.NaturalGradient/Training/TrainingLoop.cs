using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Diagnostics;
using Microsoft.ML.NaturalGradient.Optimization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>Trains a model for several epochs, watches it on validation rows, and leaves it with the weights to keep.</summary>
/// <remarks>
/// Those are the weights after the last epoch; with early stopping, of the best epoch. A training loss that is not finite ends the run at
/// the weights of the last epoch that ended well. An epoch whose validation loss is not finite did not: it is never kept, whatever is
/// watched, and early stopping counts it as one without improvement.
/// </remarks>
/// <param name="model">The model; changed.</param>
/// <param name="objective">The loss.</param>
/// <param name="settings">How to train.</param>
internal sealed class TrainingLoop(ITrainableModel model, IObjective objective, TrainingSettings settings)
{
    private readonly IReadOnlyList<NamedParameter> _parameters = model.TrainableParameters;
    private readonly Stopwatch _watch = new();
    private ApproximationQuality? _quality;
    private long _rowsDone;
    private string? _failure; // why the run stopped

    /// <summary>Runs the training.</summary>
    /// <param name="training">Training rows.</param>
    /// <param name="validation">Validation rows; null for none.</param>
    /// <returns>How it ended.</returns>
    /// <exception cref="InvalidOperationException">No epoch ended with finite losses and weights.</exception>
    public TrainingResult Run(IBatchSource training, IBatchSource? validation)
    {
        using var optimizer = settings.Optimizer.Build([.. _parameters.Select(named => named.Value)], settings.Seed);
        _quality = settings.Probe is { } probe ? new ApproximationQuality(optimizer.Parameters, probe, settings.Seed) : null;
        WeightSnapshot? kept = null;
        try
        {
            _watch.Restart();
            _rowsDone = 0;
            var (keptEpoch, best) = (0, double.PositiveInfinity);
            for (var epoch = 1; epoch <= settings.EpochCount; epoch++)
            {
                if (TrainEpoch(optimizer, training, epoch) is not { } report)
                {
                    return Fail(kept, keptEpoch);
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

            if (_failure is not null)
            {
                return Fail(kept, keptEpoch);
            }

            kept!.Restore();
            return new TrainingResult(keptEpoch, null);
        }
        finally
        {
            kept?.Dispose();
        }
    }

    // Null when the loss or a weight is not finite any more.
    private TrainingProgress? TrainEpoch(Optimizer optimizer, IBatchSource training, int epoch)
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
            var rate = LearningRate(stepsDone, training.BatchCount);
            using var evaluation = BatchEvaluation.Run(
                objective, batch.Labels, optimizer.NeedsPerSampleGradients, () => model.Forward(batch.Input), model.Randomness);
            var batchLoss = evaluation.Losses.sum().item<double>();
            step++;
            if (!double.IsFinite(batchLoss))
            {
                _failure = Describe(batchLoss, step, epoch, rate);
                return null;
            }

            var batchCorrect = evaluation.CountCorrect();
            var quality = stepsDone % settings.Probe?.Every == 0 ? _quality!.Measure(model, objective, batch) : null;
            var diagnostics = optimizer.Step(evaluation, rate);
            if (stepsDone == 0 && optimizer.Coverage?.Describe(settings.Optimizer.Name) is { } coverage)
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
        }

        if (!IsFinite())
        {
            _failure = Describe(double.NaN, step, epoch, progress!.LearningRate);
            return null;
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

    private TrainingResult Fail(WeightSnapshot? kept, int keptEpoch)
    {
        if (kept is null)
        {
            throw new InvalidOperationException(_failure);
        }

        kept.Restore();
        return new TrainingResult(keptEpoch, $"{_failure} The weights are those after epoch {keptEpoch}.");
    }

    private double LearningRate(int step, int stepsPerEpoch) => settings.Optimizer.ResolveLearningRate(settings.ClassCount)
        * settings.Optimizer.Schedule.Factor(step, stepsPerEpoch * settings.EpochCount);

    private static double? Larger(double? a, double? b) => a is null || b > a ? b : a;

    private bool IsFinite()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _parameters.All(named => named.Value.isfinite().all().item<bool>());
    }

    private static string Describe(double loss, int step, int epoch, double rate) => string.Create(
        CultureInfo.InvariantCulture,
        $"The training loss became {loss} at step {step} of epoch {epoch} (learning rate {rate:G4}). Lower LearningRate or raise Damping.");

    private static string Describe(TrainingProgress report) => string.Create(
        CultureInfo.InvariantCulture,
        $"The validation loss became {report.ValidationLoss} after epoch {report.Epoch}, where the training loss is {report.Loss:G4} (learning rate "
        + $"{report.LearningRate:G4}). Lower LearningRate or raise Damping.");
}
