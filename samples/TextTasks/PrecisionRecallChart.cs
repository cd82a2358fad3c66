using Samples;
using ScottPlot;

namespace TextTasksSample;

/// <summary>Draws precision against recall, a curve for each class.</summary>
internal static class PrecisionRecallChart
{
    /// <param name="classes">Names of the classes with their curves; a class without a curve is left out.</param>
    /// <param name="title">What stands above.</param>
    /// <param name="path">The picture to write.</param>
    public static void Save(IEnumerable<(string Name, IReadOnlyList<(double Recall, double Precision)> Curve)> classes, string title, string path)
    {
        ChartFont.Use();
        using var plot = new Plot();
        var palette = new ScottPlot.Palettes.Category10();
        var i = 0;
        foreach (var (name, curve) in classes.Where(one => one.Curve.Count > 0))
        {
            var line = plot.Add.ScatterLine(curve.Select(point => point.Recall).ToArray(), curve.Select(point => point.Precision).ToArray(), palette.GetColor(i++));
            line.LineWidth = 2;
            line.LegendText = name;
        }

        plot.Title(title);
        plot.XLabel("Recall");
        plot.YLabel("Precision");
        plot.Axes.SetLimits(0, 1.01, 0, 1.02);
        plot.ShowLegend(Edge.Right);
        plot.SavePng(path, 900, 600);
    }
}
