using ScottPlot;

namespace Samples;

/// <summary>Draws the training loss of several runs into one picture.</summary>
internal static class LossChart
{
    public static void Save(IReadOnlyList<TrainingRun> runs, string title, string path)
    {
        ChartFont.Use();
        using var plot = new Plot();
        var palette = new ScottPlot.Palettes.Category10();
        for (var i = 0; i < runs.Count; i++)
        {
            Draw(plot, runs[i], palette.GetColor(i));
        }

        plot.Title(title);
        plot.XLabel("Epoch");
        plot.YLabel("Mean loss of a row");
        plot.Axes.AutoScale();
        plot.Axes.SetLimitsY(0, plot.Axes.GetLimits().Top);
        plot.ShowLegend(Alignment.UpperRight);
        plot.SavePng(path, 900, 540);
    }

    private static void Draw(Plot plot, TrainingRun run, Color color)
    {
        var batches = run.Progress.Where(progress => !progress.EndOfEpoch).ToArray();
        var times = batches.Select(batch => batch.Epoch - 1 + ((double)batch.Step / batch.StepCount)).ToArray();
        var line = plot.Add.ScatterLine(times, [.. batches.Select(batch => batch.Loss)], color.WithAlpha(0.35));
        line.LegendText = $"{run.Name}, each batch";

        var epochs = run.Progress.Where(progress => progress.EndOfEpoch).ToArray();
        var middles = epochs.Select(epoch => epoch.Epoch - 0.5).ToArray();
        var markers = plot.Add.Scatter(middles, [.. epochs.Select(epoch => epoch.Loss)], color);
        markers.LineWidth = 2;
        markers.MarkerSize = 8;
        markers.LegendText = $"{run.Name}, mean of the epoch";
    }
}
