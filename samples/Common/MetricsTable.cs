using Spectre.Console;

namespace Samples;

/// <summary>One row for each trainer: how good its model is on the test rows, and how long it took.</summary>
internal static class MetricsTable
{
    public static void Write(IEnumerable<TrainingRun> runs)
    {
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumn("Trainer")
            .AddColumn(new TableColumn("Accuracy").RightAligned())
            .AddColumn(new TableColumn("Macro accuracy").RightAligned())
            .AddColumn(new TableColumn("Log-loss").RightAligned())
            .AddColumn(new TableColumn("Training time").RightAligned());
        foreach (var run in runs)
        {
            table.AddRow(run.Name, $"{run.Metrics.MicroAccuracy:F3}", $"{run.Metrics.MacroAccuracy:F3}",
                $"{run.Metrics.LogLoss:F3}", $"{run.TrainingTime.TotalSeconds:F1} s");
        }

        AnsiConsole.Write(table);
    }
}
