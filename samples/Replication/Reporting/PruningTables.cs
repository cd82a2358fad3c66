using System.Globalization;

namespace ReplicationSample;

/// <summary>Accuracy of pruned networks (App. D.2.3).</summary>
internal static class PruningTables
{
    /// <summary>A row for each way to prune: validation accuracy at each sparsity.</summary>
    public static ResultTable AgainstSparsity(IReadOnlyList<FinishedCell> cells)
    {
        var sparsities = Results(cells).Select(result => result.Sparsity).Distinct().Order().ToArray();
        var rows = Methods(cells).Select(method => (IReadOnlyList<string>)
        [
            method,
            .. sparsities.Select(sparsity => Accuracies(cells, method, sparsity) is { Length: > 0 } found ? Statistics.MeanText(found, "0.000") : "–"),
        ]).ToArray();
        return new ResultTable(
            ["pruned by", .. sparsities.Select(sparsity => (sparsity * 100).ToString("0.##", CultureInfo.InvariantCulture) + " %")], rows,
            [$"Validation accuracy against the share of weights that was removed at once, not trained again. ± is the standard deviation over seeds {string.Join(", ", cells.Select(cell => cell.Seed).Order())}."]);
    }

    /// <summary>Mean validation accuracy over sparsity, a line for each way to prune.</summary>
    public static LineChart AgainstSparsityChart(string name, IReadOnlyList<FinishedCell> cells) => new()
    {
        Title = $"{name}: accuracy after pruning",
        XLabel = "Weights removed, %",
        YLabel = "Validation accuracy",
        Lines =
        [
            .. Methods(cells).Select(method => new ChartLine(
                method,
                [
                    .. Results(cells).Where(result => result.Method == method).GroupBy(result => result.Sparsity).OrderBy(group => group.Key)
                        .Select(group => (group.Key * 100, group.Average(result => result.ValidationAccuracy))),
                ])),
        ],
    };

    private static IEnumerable<PruningResult> Results(IReadOnlyList<FinishedCell> cells) => cells.SelectMany(cell => cell.Pruned);

    private static IEnumerable<string> Methods(IReadOnlyList<FinishedCell> cells) => Results(cells).Select(result => result.Method).Distinct();

    private static double[] Accuracies(IReadOnlyList<FinishedCell> cells, string method, double sparsity) =>
        [.. Results(cells).Where(result => result.Method == method && result.Sparsity == sparsity).Select(result => result.ValidationAccuracy)];
}
