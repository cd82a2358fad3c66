using Samples;
using ScottPlot;
using ScottPlot.MultiplotLayouts;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace ReplicationSample;

/// <summary>Accuracy and loss against the learning rate: a column for each task, a line for each optimizer and length.</summary>
/// <param name="tasks">The points of each task.</param>
internal sealed class RateChart(IReadOnlyList<IReadOnlyList<RatePoint>> tasks) : IChart
{
    private const int ColumnWidth = 300;
    private const int Height = 620;
    private const int GridRows = 22;
    private const int PanelRows = 10;

    /// <summary>Where the axis of the loss ends, as a multiple of the loss of a uniform guess: what is above is not worth telling apart.</summary>
    private const double LossLimit = 1.3;

    // From the longest to the shortest. No dashes: SVG comes out without them.
    private static readonly (double Opacity, MarkerShape Marker)[] Styles =
        [(1, MarkerShape.FilledCircle), (0.6, MarkerShape.FilledSquare), (0.35, MarkerShape.FilledDiamond)];

    private static readonly ScottPlot.Palettes.Category10 Palette = new();

    private readonly string[] _optimizers = [.. tasks.SelectMany(task => task).Select(point => point.Optimizer).Distinct()];
    private readonly int[] _lengths = [.. tasks.SelectMany(task => task).Select(point => point.Epochs).Distinct().OrderDescending()];

    /// <inheritdoc/>
    public IReadOnlyList<string> Save(string path)
    {
        ChartFont.Use();
        var chart = new Multiplot();
        var grid = new CustomGrid();
        foreach (var (column, points) in tasks.Index())
        {
            var guess = points[0].ClassCount;
            var accuracy = Panel(points, point => point.Accuracy, 1.0 / guess, Math.Min(1.02, points.Max(point => point.Accuracy) * 1.08), isFirst: column == 0, "Validation accuracy");
            accuracy.Title($"{points[0].Task}, {guess} classes", 13);
            var loss = Panel(points, point => point.Loss, Math.Log(guess), Math.Log(guess) * LossLimit, isFirst: column == 0, "Validation loss");
            loss.XLabel("Learning rate / default", 12);
            Place(accuracy, 0, column);
            Place(loss, PanelRows, column);
        }

        var legend = Legend();
        chart.AddPlot(legend);
        grid.Set(legend, new GridCell(2 * PanelRows, 0, GridRows, 1, GridRows - (2 * PanelRows), 1));
        chart.Layout = grid;
        var width = ColumnWidth * Math.Max(2, tasks.Count);
        chart.SavePng(path + ".png", width, Height);
        using var stream = File.Create(path + ".svg");
        using var canvas = SKSvgCanvas.Create(new SKRect(0, 0, width, Height), stream);
        chart.Render(canvas, new PixelRect(0, width, Height, 0));
        return [path + ".png", path + ".svg"];

        void Place(Plot plot, int row, int column)
        {
            chart.AddPlot(plot);
            grid.Set(plot, new GridCell(row, column, GridRows, tasks.Count, PanelRows, 1));
        }
    }

    private Plot Panel(IReadOnlyList<RatePoint> points, Func<RatePoint, double> value, double guess, double top, bool isFirst, string label)
    {
        var plot = new Plot();
        plot.Add.HorizontalLine(guess, 1, Colors.Gray);
        foreach (var line in points.GroupBy(point => (point.Optimizer, point.Epochs)))
        {
            var places = line.Select(point => (X: Math.Log2(point.Factor), Y: Math.Min(value(point), top), IsOutside: value(point) > top, point.HasFailure)).ToArray();
            var (color, marker) = Style(line.Key.Optimizer, line.Key.Epochs);
            var drawn = plot.Add.Scatter(places.Select(place => place.X).ToArray(), places.Select(place => place.Y).ToArray(), color);
            (drawn.LineWidth, drawn.MarkerShape, drawn.MarkerSize) = (2, marker, 6);
            foreach (var place in places.Where(place => place.IsOutside || place.HasFailure))
            {
                plot.Add.Marker(place.X, place.Y, place.HasFailure ? MarkerShape.Eks : MarkerShape.FilledTriangleUp, 12, color);
            }
        }

        var ticks = new NumericManual();
        foreach (var factor in points.Select(point => point.Factor).Distinct())
        {
            ticks.AddMajor(Math.Log2(factor), RateText.Factor(factor)[1..]);
        }

        plot.Axes.Bottom.TickGenerator = ticks;
        plot.Axes.Margins(0.06, 0);
        plot.Axes.AutoScale();
        var lowest = Math.Min(guess, points.Min(value));
        plot.Axes.SetLimitsY(top > 1.1 * lowest && lowest < 0.2 * top ? 0 : 0.85 * lowest, top + (0.03 * (top - lowest)));
        if (isFirst)
        {
            plot.YLabel(label, 12);
        }

        return plot;
    }

    private Plot Legend()
    {
        var plot = new Plot();
        plot.HideAxesAndGrid();
        foreach (var optimizer in _optimizers)
        {
            foreach (var length in _lengths.Reverse())
            {
                var (color, marker) = Style(optimizer, length);
                Add($"{optimizer}, {length} {(length == 1 ? "epoch" : "epochs")}", color, 2, marker);
            }
        }

        Add("uniform guess", Colors.Gray, 1, MarkerShape.None);
        var points = tasks.SelectMany(task => task).ToArray();
        if (points.Any(point => point.Loss > Math.Log(point.ClassCount) * LossLimit))
        {
            Add("larger loss", Colors.Black, 0, MarkerShape.FilledTriangleUp);
        }

        if (points.Any(point => point.HasFailure))
        {
            Add("a run ended early", Colors.Black, 0, MarkerShape.Eks);
        }

        plot.ShowLegend(Alignment.MiddleCenter, Orientation.Horizontal);
        (plot.Legend.FontSize, plot.Legend.OutlineWidth, plot.Legend.ShadowColor) = (12, 0, Colors.Transparent);
        return plot;

        void Add(string text, Color color, float lineWidth, MarkerShape marker) => plot.Legend.ManualItems.Add(new LegendItem
        {
            LabelText = text,
            LineColor = color,
            LineWidth = lineWidth,
            MarkerShape = marker,
            MarkerSize = 8,
            MarkerFillColor = color,
            MarkerLineColor = color,
        });
    }

    private (Color Color, MarkerShape Marker) Style(string optimizer, int length)
    {
        var (opacity, marker) = Styles[Math.Min(Styles.Length - 1, Array.IndexOf(_lengths, length))];
        return (Palette.GetColor(Array.IndexOf(_optimizers, optimizer)).WithAlpha(opacity), marker);
    }
}
