using System.Globalization;

namespace ReplicationSample;

/// <summary>The numbers of finished cells as comma-separated values.</summary>
internal static class CsvText
{
    /// <summary>A line for each measured direction.</summary>
    public static string Quality(IEnumerable<FinishedCell> cells) => Text(
        "experiment,seed,epoch,method,damping,gamma,ratio_to_sgd,median_ratio,batches,gradient_norm_spread",
        from cell in cells
        from epoch in cell.Epochs
        from direction in epoch.Directions
        select (object?[])
        [
            cell.Experiment, cell.Seed, epoch.Epoch, direction.Method, direction.Damping, direction.Gamma, direction.RatioToSgd,
            Statistics.Median(direction.BatchRatios), direction.Batches, epoch.GradientNormSpread,
        ]);

    /// <summary>A line for each epoch.</summary>
    public static string Training(IEnumerable<FinishedCell> cells) => Text(
        "experiment,optimizer,learning_rate,seed,epoch,training_loss,training_accuracy,validation_loss,validation_accuracy",
        from cell in cells
        from epoch in cell.Epochs
        select (object?[])
        [
            cell.Experiment, cell.Optimizer, cell.LearningRate, cell.Seed, epoch.Epoch, epoch.TrainingLoss, epoch.TrainingAccuracy,
            epoch.ValidationLoss, epoch.ValidationAccuracy,
        ]);

    /// <summary>A line for each pruned network.</summary>
    public static string Pruning(IEnumerable<FinishedCell> cells) => Text(
        "experiment,seed,method,sparsity,validation_loss,validation_accuracy",
        from cell in cells
        from pruned in cell.Pruned
        select (object?[])[cell.Experiment, cell.Seed, pruned.Method, pruned.Sparsity, pruned.ValidationLoss, pruned.ValidationAccuracy]);

    /// <summary>A line for each run.</summary>
    public static string Rates(IEnumerable<FinishedCell> cells) => Text(
        "experiment,classes,optimizer,epochs,rate_factor,learning_rate,seed,validation_loss,validation_accuracy,training_loss,seconds,failure",
        cells.Select(cell => (object?[])
        [
            cell.Experiment, cell.ClassCount, cell.Optimizer, RatePoint.EpochsOf(cell), cell.RateFactor, cell.LearningRate, cell.Seed,
            cell.Returned?.ValidationLoss, cell.Returned?.ValidationAccuracy, cell.Epochs.Count > 0 ? cell.Epochs[^1].TrainingLoss : null, cell.Seconds, cell.Failure,
        ]));

    private static string Text(string header, IEnumerable<object?[]> lines) =>
        string.Concat(lines.Select(line => string.Join(',', line.Select(Field))).Prepend(header).Select(line => line + "\n"));

    private static string Field(object? value) => value switch
    {
        null => "",
        double number => number.ToString("G6", CultureInfo.InvariantCulture),
        string text => text.IndexOfAny([',', '"', '\n']) < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };
}
