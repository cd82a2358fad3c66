using System.Globalization;
using Samples;
using ScottPlot;
using ScottPlot.MultiplotLayouts;
using ScottPlot.TickGenerators;

namespace ReplicationSample;

/// <summary>Accuracy and loss against the time used: a column for each task, a line for each way of training.</summary>
/// <param name="results">The runs; those of one task, way and budget are averaged.</param>
internal sealed class MinutesChart(IReadOnlyList<MinutesResult> results) : IChart
{
    private const int ColumnWidth = 240;
    private const int Height = 560;
    private const int GridRows = 22;
    private const int PanelRows = 10;
    private const double SecondsOfAMinute = 60;

    private static readonly double[] Marked = [0.01, 0.1, 1, 10];
    private static readonly ScottPlot.Palettes.Category10 Palette = new();

    private readonly string[] _tasks = [.. results.Select(result => result.Task).Distinct()];
    private readonly IReadOnlyDictionary<string, string> _names = MinutesResult.LineNames(results);

    /// <inheritdoc/>
    public IReadOnlyList<string> Save(string path)
    {
        ChartFont.Use();
        var chart = new Multiplot();
        var grid = new CustomGrid();
        foreach (var (column, task) in _tasks.Index())
        {
            var accuracy = Panel(task, result => result.Accuracy);
            var loss = Panel(task, result => result.Loss);
            accuracy.Title(task, 13);
            loss.XLabel("Minutes", 12);
            if (column == 0)
            {
                accuracy.YLabel("Validation accuracy", 12);
                loss.YLabel("Validation loss", 12);
            }

            Place(accuracy, 0, column);
            Place(loss, PanelRows, column);
        }

        var legend = new Plot();
        legend.HideAxesAndGrid();
        legend.ShowLegend(Alignment.MiddleCenter, Orientation.Horizontal);
        (legend.Legend.FontSize, legend.Legend.OutlineWidth, legend.Legend.ShadowColor) = (12, 0, Colors.Transparent);
        legend.Legend.ManualItems.AddRange(_names.Values.Distinct().Select(way => new LegendItem { LabelText = way, LineColor = ColorOf(way), LineWidth = 2, MarkerShape = MarkerShape.FilledCircle, MarkerSize = 8, MarkerFillColor = ColorOf(way), MarkerLineColor = ColorOf(way) }));
        chart.AddPlot(legend);
        grid.Set(legend, new GridCell(2 * PanelRows, 0, GridRows, 1, GridRows - (2 * PanelRows), 1));
        chart.Layout = grid;
        chart.SavePng(path + ".png", ColumnWidth * _tasks.Length, Height);
        return [path + ".png"];

        void Place(Plot plot, int row, int column)
        {
            chart.AddPlot(plot);
            grid.Set(plot, new GridCell(row, column, GridRows, _tasks.Length, PanelRows, 1));
        }
    }

    private Color ColorOf(string way) => Palette.GetColor(_names.Values.Distinct().ToList().IndexOf(way));

    private Plot Panel(string task, Func<MinutesResult, double> value)
    {
        var plot = new Plot();
        var runs = results.Where(result => result.Task == task).ToArray();
        foreach (var way in runs.GroupBy(result => _names[result.Way]))
        {
            var points = way.GroupBy(result => result.Minutes).Select(group => (X: Math.Log10(group.Average(run => run.Seconds) / SecondsOfAMinute), Y: group.Average(value))).OrderBy(point => point.X).ToArray();
            var drawn = plot.Add.Scatter(points.Select(point => point.X).ToArray(), points.Select(point => point.Y).ToArray(), ColorOf(way.Key));
            (drawn.LineWidth, drawn.MarkerSize) = (2, 7);
        }

        var ticks = new NumericManual();
        foreach (var minutes in Marked)
        {
            ticks.AddMajor(Math.Log10(minutes), minutes.ToString(CultureInfo.InvariantCulture));
        }

        plot.Axes.Bottom.TickGenerator = ticks;
        return plot;
    }
}
