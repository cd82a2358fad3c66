using Microsoft.ML.NaturalGradient;

namespace ReplicationSample;

/// <summary>Keeps what a training run reports.</summary>
/// <param name="next">Is told too.</param>
internal sealed class EpochRecorder(Action<TrainingProgress> next)
{
    private readonly List<EpochResult> _epochs = [];
    private readonly List<double> _losses = [];

    /// <summary>The epochs so far.</summary>
    public IReadOnlyList<EpochResult> Epochs => _epochs;

    /// <summary>Takes a report.</summary>
    public void Report(TrainingProgress progress)
    {
        next(progress);
        if (!progress.EndOfEpoch)
        {
            _losses.Add(progress.Loss);
            return;
        }

        _epochs.Add(new EpochResult
        {
            Epoch = progress.Epoch,
            TrainingLoss = progress.Loss,
            TrainingAccuracy = progress.Accuracy,
            ValidationLoss = progress.ValidationLoss,
            ValidationAccuracy = progress.ValidationAccuracy,
            LearningRate = progress.LearningRate,
            BatchLosses = [.. _losses],
            GradientNormSpread = progress.EpochQuality.Count == 0 ? null : progress.EpochQuality.Average(report => report.GradientNormSpread),
            Directions = progress.EpochQuality.Count == 0 ? [] : Directions(progress.EpochQuality),
        });
        _losses.Clear();
    }

    private static List<DirectionResult> Directions(IReadOnlyList<QualityReport> reports)
    {
        var (means, results) = (QualityReport.Average(reports), new List<DirectionResult>());
        foreach (var (i, mean) in means.Index())
        {
            var before = means.Take(i).Count(other => other.Method == mean.Method && other.Damping == mean.Damping); // that differ in other settings
            var name = before == 0 ? mean.Method : FormattableString.Invariant($"{mean.Method} ({before + 1})");
            results.Add(new DirectionResult(name, mean.Damping, mean.Gamma, mean.RatioToSgd, mean.BatchCount, [.. reports.Select(report => report.Directions[i].RatioToSgd)]));
        }

        return results;
    }
}
