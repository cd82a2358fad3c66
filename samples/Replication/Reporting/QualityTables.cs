using System.Globalization;

namespace ReplicationSample;

/// <summary>Quality of update directions, along a run (E1) and against damping (E3); means over seeds.</summary>
internal static class QualityTables
{
    private const string Ratio = "0.###";

    /// <summary>A row for each epoch: γ ÷ γ of SGD, and where the paper's orderings hold.</summary>
    public static ResultTable AlongRun(IReadOnlyList<FinishedCell> cells)
    {
        var columns = QualityColumn.Of(cells);
        var methods = columns.Select(column => column.Name).ToArray();
        var rows = Epochs(cells).Select(epoch =>
        {
            var ratios = columns.ToDictionary(column => column.Name, column => column.MeanRatio(cells, epoch));
            var spreads = cells.SelectMany(cell => cell.Epochs).Where(one => one.Epoch == epoch).Select(one => one.GradientNormSpread ?? double.NaN).ToArray();
            return (IReadOnlyList<string>)
            [
                epoch.ToString(CultureInfo.InvariantCulture),
                .. methods.Select(method => Statistics.Text(ratios[method], Ratio)),
                Statistics.Text(Statistics.Median(spreads), "G3"),
                Holds(ratios, "iEF", null),
                Holds(ratios, "iEF", "SF", "EF"),
            ];
        }).ToArray();
        return new ResultTable(
            ["epoch", .. methods.Select(method => $"{method} ÷ SGD"), "norm spread", "iEF < SGD", "iEF < SF < EF"], rows,
            [$"γ ÷ γ of SGD, mean γ over {Batches(cells)} batches; smaller is better. Seeds: {Seeds(cells)}."]);
    }

    /// <summary>γ ÷ γ of SGD over epochs, a line for each method.</summary>
    public static LineChart AlongRunChart(string name, IReadOnlyList<FinishedCell> cells) => new()
    {
        Title = $"{name}: approximation quality along training",
        XLabel = "Epoch",
        YLabel = "gamma / gamma of SGD (log)",
        LogY = true,
        Mark = 1,
        Lines =
        [
            .. QualityColumn.Of(cells).Select(column => new ChartLine(column.Name, [.. Epochs(cells).Select(epoch => ((double)epoch, column.MeanRatio(cells, epoch)))])),
        ],
    };

    /// <summary>A row for each epoch and method: γ ÷ γ of SGD at each damping.</summary>
    public static ResultTable AgainstDamping(IReadOnlyList<FinishedCell> cells)
    {
        var dampings = Dampings(cells);
        var rows = Shown(cells).SelectMany(epoch => Methods(cells).Select(method =>
        {
            var ratios = dampings.Select(damping => new QualityColumn(method, method, damping).MeanRatio(cells, epoch)).ToArray();
            return (IReadOnlyList<string>)
            [
                epoch.ToString(CultureInfo.InvariantCulture), method, .. ratios.Select(ratio => Statistics.Text(ratio, Ratio)),
                Statistics.Text(ratios.Max() / ratios.Min(), "0.00"),
            ];
        })).ToArray();
        return new ResultTable(
            ["epoch", "method", .. dampings.Select(damping => damping.ToString("G2", CultureInfo.InvariantCulture)), "largest ÷ smallest"], rows,
            [$"γ ÷ γ of SGD at each damping (relative to the mean diagonal), mean γ over {Batches(cells)} batches; smaller is better. Seeds: {Seeds(cells)}."]);
    }

    /// <summary>γ ÷ γ of SGD over damping at the last epoch shown, a line for each method.</summary>
    public static LineChart AgainstDampingChart(string name, IReadOnlyList<FinishedCell> cells)
    {
        var epoch = Shown(cells).DefaultIfEmpty(1).Last();
        return new LineChart
        {
            Title = $"{name}: damping, after epoch {epoch}",
            XLabel = "Damping, relative (log)",
            YLabel = "gamma / gamma of SGD (log)",
            LogX = true,
            LogY = true,
            Mark = 1,
            Lines = [.. Methods(cells).Select(method => new ChartLine(method, [.. Dampings(cells).Select(damping => (damping, new QualityColumn(method, method, damping).MeanRatio(cells, epoch)))]))],
        };
    }

    private static string[] Methods(IReadOnlyList<FinishedCell> cells) => [.. Directions(cells).Select(direction => direction.Method).Distinct()];

    private static double[] Dampings(IReadOnlyList<FinishedCell> cells) =>
        [.. Directions(cells).Select(direction => direction.Damping).OfType<double>().Distinct().Order()];

    private static int Batches(IReadOnlyList<FinishedCell> cells) => Directions(cells).Select(direction => direction.BatchRatios.Count).DefaultIfEmpty().Max();

    private static string Seeds(IReadOnlyList<FinishedCell> cells) => string.Join(", ", cells.Select(cell => cell.Seed).Order());

    private static int[] Epochs(IReadOnlyList<FinishedCell> cells) =>
        [.. cells.SelectMany(cell => cell.Epochs).Where(epoch => epoch.Directions.Count > 0).Select(epoch => epoch.Epoch).Distinct().Order()];

    private static int[] Shown(IReadOnlyList<FinishedCell> cells)
    {
        var wanted = cells.SelectMany(cell => cell.ShownEpochs).ToHashSet();
        return [.. Epochs(cells).Where(epoch => wanted.Count == 0 || wanted.Contains(epoch))];
    }

    private static IEnumerable<DirectionResult> Directions(IReadOnlyList<FinishedCell> cells) =>
        cells.SelectMany(cell => cell.Epochs).SelectMany(epoch => epoch.Directions);

    /// <summary>Whether the ratios of methods rise in this order; null stands for SGD, whose ratio is 1.</summary>
    private static string Holds(Dictionary<string, double> ratios, params string?[] order)
    {
        var values = order.Select(method => method is null ? 1 : ratios.GetValueOrDefault(method, double.NaN)).ToArray();
        return values.Any(double.IsNaN) ? "–" : values.Zip(values.Skip(1)).All(pair => pair.First < pair.Second) ? "yes" : "no";
    }
}
