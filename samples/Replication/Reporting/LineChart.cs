using Samples;
using ScottPlot;
using ScottPlot.TickGenerators;

namespace ReplicationSample;

/// <summary>Lines over one axis, in the style of the paper's figures.</summary>
internal sealed record LineChart : IChart
{
    private const int Width = 760;
    private const int Height = 480;

    public required string Title { get; init; }

    public required string XLabel { get; init; }

    public required string YLabel { get; init; }

    public required IReadOnlyList<ChartLine> Lines { get; init; }

    public bool LogX { get; init; }

    public bool LogY { get; init; }

    /// <summary>Where a thin line marks a value, such as 1 for SGD; null for none.</summary>
    public double? Mark { get; init; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Save(string path)
    {
        ChartFont.Use();
        using var plot = new Plot();
        var palette = new ScottPlot.Palettes.Category10();
        foreach (var (index, line) in Lines.Index())
        {
            Draw(plot, line, palette.GetColor(index));
        }

        if (Mark is { } mark)
        {
            plot.Add.HorizontalLine(LogY ? Math.Log10(mark) : mark, 1, Colors.Gray, LinePattern.Dashed);
        }

        plot.Title(Title);
        plot.XLabel(XLabel);
        plot.YLabel(YLabel);
        plot.Axes.Bottom.TickGenerator = LogX ? LogTicks.Create(Values(point => point.X)) : new NumericAutomatic { IntegerTicksOnly = true };
        plot.Axes.Left.TickGenerator = LogY ? LogTicks.Create(Mark is { } one ? Values(point => point.Y).Append(one) : Values(point => point.Y)) : new NumericAutomatic();
        plot.ShowLegend(Edge.Right);
        plot.SavePng(path + ".png", Width, Height);
        plot.SaveSvg(path + ".svg", Width, Height);
        return [path + ".png", path + ".svg"];
    }

    private IEnumerable<double> Values(Func<(double X, double Y), double> coordinate) => Lines.SelectMany(line => line.Points).Select(coordinate);

    private void Draw(Plot plot, ChartLine line, Color color)
    {
        var points = line.Points.Select(point => (X: LogX ? Math.Log10(point.X) : point.X, Y: LogY ? Math.Log10(point.Y) : point.Y))
            .Where(point => double.IsFinite(point.X) && double.IsFinite(point.Y)).ToArray();
        if (points.Length == 0)
        {
            return;
        }

        var drawn = plot.Add.Scatter(points.Select(point => point.X).ToArray(), points.Select(point => point.Y).ToArray(), color);
        drawn.LegendText = line.Name;
        drawn.LineWidth = 2;
        drawn.MarkerSize = line.HasMarkers ? 7 : 0;
    }
}
