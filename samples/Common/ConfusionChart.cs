using ScottPlot;
using ScottPlot.TickGenerators;

namespace Samples;

/// <summary>Draws how often what is of each class is taken for each class.</summary>
internal static class ConfusionChart
{
    private const int MostNumberedClasses = 25; // beyond it, numbers would not fit into their cells
    private const int CellSize = 56;
    private const int Margin = 220;
    private const int LetterWidth = 7;

    /// <param name="counts">Counts by true class (row) and predicted class (column).</param>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="title">What stands above.</param>
    /// <param name="path">The picture to write.</param>
    public static void Save(int[,] counts, IReadOnlyList<string> classes, string title, string path)
    {
        ChartFont.Use();
        using var plot = new Plot();
        var map = plot.Add.Heatmap(Shares(counts));
        map.Colormap = new ScottPlot.Colormaps.Blues().Reversed();
        map.ManualRange = new ScottPlot.Range(0, 1);
        plot.Add.ColorBar(map);
        if (classes.Count <= MostNumberedClasses)
        {
            WriteNumbers(plot, counts);
        }

        plot.Axes.Bottom.TickGenerator = new NumericManual([.. classes.Select((_, i) => (double)i)], [.. classes]);
        plot.Axes.Bottom.TickLabelStyle.Rotation = 45;
        plot.Axes.Bottom.TickLabelStyle.Alignment = Alignment.MiddleLeft;
        var longest = Math.Clamp(classes.Max(name => name.Length), 8, 30);
        plot.Axes.Bottom.MinimumSize = 40 + (LetterWidth * longest);
        plot.Axes.Left.MinimumSize = 40 + (LetterWidth * longest);
        plot.Axes.Left.TickGenerator = new NumericManual([.. classes.Select((_, i) => classes.Count - 1.0 - i)], [.. classes]);
        plot.Axes.Margins(0, 0);
        plot.HideGrid();
        plot.Title($"{title} (color: share of the true class)");
        plot.XLabel("Predicted class");
        plot.YLabel("True class");
        var side = Math.Clamp(CellSize * classes.Count, 4 * CellSize, 30 * CellSize);
        plot.SavePng(path, side + Margin + (Margin / 4), side + Margin);
    }

    /// <summary>Each row divided by its sum; a class without any stays zero.</summary>
    private static double[,] Shares(int[,] counts)
    {
        var shares = new double[counts.GetLength(0), counts.GetLength(1)];
        for (var i = 0; i < counts.GetLength(0); i++)
        {
            var sum = Enumerable.Range(0, counts.GetLength(1)).Sum(j => counts[i, j]);
            for (var j = 0; j < counts.GetLength(1); j++)
            {
                shares[i, j] = counts[i, j] / Math.Max(sum, 1.0);
            }
        }

        return shares;
    }

    private static void WriteNumbers(Plot plot, int[,] counts)
    {
        var shares = Shares(counts);
        for (var i = 0; i < counts.GetLength(0); i++)
        {
            for (var j = 0; j < counts.GetLength(1); j++)
            {
                var number = plot.Add.Text($"{counts[i, j]}", j, counts.GetLength(0) - 1 - i); // the first row is at the top
                number.LabelAlignment = Alignment.MiddleCenter;
                number.LabelFontSize = 14;
                number.LabelFontColor = shares[i, j] > 0.5 ? Colors.White : Colors.Black;
            }
        }
    }
}
