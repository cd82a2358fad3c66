namespace ReplicationSample;

/// <summary>Training with each optimizer (E2, App. H.7).</summary>
internal static class TrainingTables
{
    /// <summary>A row for each optimizer at the learning rate with the smallest validation loss.</summary>
    public static ResultTable Optimizers(IReadOnlyList<FinishedCell> cells)
    {
        var rows = cells.GroupBy(cell => cell.Optimizer).Select(optimizer =>
        {
            var rates = RateSearch.Rates(optimizer);
            var best = RateSearch.Best(optimizer);
            var usable = best.Where(cell => cell.Epochs.Count > 0).ToArray();
            string Mean(Func<FinishedCell, double> value) => usable.Length == 0 ? "–" : Statistics.MeanText([.. usable.Select(value)], "0.000");
            return (IReadOnlyList<string>)
            [
                optimizer.Key,
                RateText.Of(best.Key) is { Length: > 0 } rate ? rate : "default",
                string.Join(", ", best.Select(cell => cell.Seed).Order()),
                Mean(cell => cell.Epochs[^1].TrainingLoss),
                Mean(RateSearch.BestLoss),
                Mean(cell => cell.Epochs.Max(epoch => epoch.ValidationAccuracy ?? double.NaN)),
                Mean(cell => cell.Epochs[^1].ValidationAccuracy ?? double.NaN),
                Statistics.Text(best.Average(cell => cell.Seconds), "0"),
                rates.Count < 2 ? "" : string.Join(", ", rates.Select(one => $"{RateText.Of(one.Rate)}: {Statistics.Text(one.Loss, "0.000")}")),
            ];
        }).ToArray();
        var failed = cells.Where(cell => cell.Failure is not null)
            .Select(cell => $"{cell.Optimizer}{RateText.Of(cell.LearningRate, " ")}, seed {cell.Seed}, ended early: {cell.Failure}");
        return new ResultTable(
            ["optimizer", "rate", "seeds", "training loss, last epoch", "validation loss, best", "validation accuracy, best", "validation accuracy, last", "s per run", "rates tried: validation loss, best"],
            rows, ["Each optimizer at the learning rate with the smallest validation loss of the best epoch (mean over the seeds with which all rates were run). ± is the standard deviation over seeds.", .. failed]);
    }

    /// <summary>Training loss over epochs, a line for each optimizer at its best learning rate.</summary>
    public static LineChart LossChart(string name, IReadOnlyList<FinishedCell> cells) => new()
    {
        Title = $"{name}: training loss",
        XLabel = "Epoch",
        YLabel = "Mean loss of a row in the epoch (log)",
        LogY = true,
        Lines =
        [
            .. cells.GroupBy(cell => cell.Optimizer).Select(optimizer =>
            {
                var best = RateSearch.Best(optimizer);
                var points = best.SelectMany(cell => cell.Epochs).GroupBy(epoch => epoch.Epoch).OrderBy(epoch => epoch.Key)
                    .Select(epoch => ((double)epoch.Key, epoch.Average(one => one.TrainingLoss)));
                return new ChartLine($"{optimizer.Key}{RateText.Of(best.Key, " ")}", [.. points]);
            }),
        ],
    };
}
