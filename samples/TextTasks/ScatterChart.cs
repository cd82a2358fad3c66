using Samples;
using ScottPlot;

namespace TextTasksSample;

/// <summary>Draws predicted numbers against the labels.</summary>
internal static class ScatterChart
{
    private const double Spread = 0.25;
    private const double GoldenRatio = 0.6180339887; // multiples of it fill an interval evenly

    /// <param name="labels">The labels. Whole numbers are drawn a little beside their place, the same way in each run, since dots would hide each other.</param>
    /// <param name="predictions">The predictions.</param>
    /// <param name="title">What stands above.</param>
    /// <param name="path">The picture to write.</param>
    public static void Save(double[] labels, double[] predictions, string title, string path)
    {
        ChartFont.Use();
        using var plot = new Plot();
        var whole = labels.All(label => label == Math.Floor(label));
        double[] places = [.. labels.Select((label, i) => whole ? label + (Spread * ((i * GoldenRatio % 1) - 0.5)) : label)];
        var dots = plot.Add.ScatterPoints(places, predictions);
        dots.MarkerSize = 6;
        dots.Color = new ScottPlot.Palettes.Category10().GetColor(0).WithAlpha(0.45);
        var (least, most) = (Math.Min(labels.Min(), predictions.Min()), Math.Max(labels.Max(), predictions.Max()));
        var line = plot.Add.Line(least, least, most, most);
        line.Color = Colors.Gray;
        line.LinePattern = LinePattern.Dashed;
        plot.Title(title);
        plot.XLabel(whole ? "Label (a whole number; dots are spread a little)" : "Label");
        plot.YLabel("Prediction");
        plot.SavePng(path, 700, 600);
    }
}
