using System.Globalization;

namespace ReplicationSample;

/// <summary>The default learning rate against the best of a grid around it.</summary>
internal static class RateTables
{
    private const string Format = "0.000";

    /// <summary>A row for each task, length and optimizer.</summary>
    /// <param name="tasks">The points of each task.</param>
    public static ResultTable AgainstDefault(IReadOnlyList<IReadOnlyList<RatePoint>> tasks)
    {
        var points = tasks.SelectMany(task => task).ToArray();
        var rows = tasks.SelectMany(task => task.GroupBy(point => (point.Epochs, point.Optimizer))).Select(grid => Row([.. grid])).ToArray();
        var failures = points.SelectMany(point => point.Runs, (point, run) => (point, run)).Where(pair => pair.run.Failure is not null || pair.run.Warnings.Count > 0)
            .Select(pair => $"{Name(pair.point)}, seed {pair.run.Seed}: {string.Join(" ", pair.run.Warnings.Append(pair.run.Failure).OfType<string>().Distinct())}"
                + (pair.run.Returned is null ? " Counted as a uniform guess." : ""));
        var seeds = points.Max(point => point.Runs.Count);
        var unfinished = points.Where(point => point.Runs.Count < seeds).Select(point => $"{Name(point)}: only {point.Runs.Count} of {seeds} seeds.");
        return new ResultTable(
            [
                "task", "classes", "epochs", "optimizer", "default rate", "accuracy, default", "accuracy, best of the grid", "difference", "loss, default",
                "loss, best of the grid", "difference", "smallest accuracy, largest loss of the grid", "runs that ended early",
            ],
            rows,
            [
                "Validation rows, the model that each run returned; mean over seeds, ± their standard deviation. Each length is a run of its own with the whole schedule. "
                    + $"The grid: {string.Join(", ", points.Select(point => point.Factor).Distinct().Order().Select(RateText.Factor))} times the default. "
                    + "Its best is the best of several uncertain numbers, and so a little too good.",
                .. unfinished, .. failures,
            ]);
    }

    private static IReadOnlyList<string> Row(IReadOnlyList<RatePoint> grid)
    {
        var (first, usual) = (grid[0], grid.FirstOrDefault(point => point.Factor == 1));
        var (accurate, smallest) = (grid.MaxBy(point => point.Accuracy)!, grid.MinBy(point => point.Loss)!);
        return
        [
            first.Task, Text(first.ClassCount), Text(first.Epochs), first.Optimizer, RateText.Of(usual?.Runs[0].LearningRate),
            usual is null ? "–" : Statistics.MeanText([.. usual.Accuracies], Format),
            $"{Statistics.Text(accurate.Accuracy, Format)} ({RateText.Factor(accurate.Factor)})",
            usual is null ? "–" : Statistics.Text(accurate.Accuracy - usual.Accuracy, Format),
            usual is null ? "–" : Statistics.MeanText([.. usual.Losses], Format),
            $"{Statistics.Text(smallest.Loss, Format)} ({RateText.Factor(smallest.Factor)})",
            usual is null ? "–" : Statistics.Text(usual.Loss - smallest.Loss, Format),
            $"{Statistics.Text(grid.Min(point => point.Accuracy), Format)}, {Statistics.Text(grid.Max(point => point.Loss), Format)}",
            Text(grid.Sum(point => point.Runs.Count(run => run.Failure is not null))),
        ];
    }

    private static string Name(RatePoint point) => $"{point.Task}, epochs {Text(point.Epochs)}, {point.Optimizer} {RateText.Factor(point.Factor)}";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
