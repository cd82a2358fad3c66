using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>The runs in PyTorch on the same rows.</summary>
internal static class ReferenceRuns
{
    /// <summary>Mean validation accuracy of the runs with default iEF.</summary>
    /// <param name="task">Name of the data set.</param>
    /// <returns>Means over the seeds: after the last epoch, and of each run's best epoch.</returns>
    public static (double Final, double Best) DefaultIef(string task)
    {
        using var anchors = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Accuracy", "anchors.json")));
        var runs = anchors.RootElement.GetProperty("runs").EnumerateArray().Where(run => IsDefaultIef(run, task))
            .Select(run => run.GetProperty("epochs").EnumerateArray()
                .Select(epoch => epoch.GetProperty("validation_accuracy").GetDouble()).ToArray()).ToArray();
        return (runs.Average(run => run[^1]), runs.Average(run => run.Max()));
    }

    private static bool IsDefaultIef(JsonElement run, string task) =>
        run.GetProperty("task").GetString() == task
        && run.GetProperty("optimizer").GetString() == "ief"
        && run.GetProperty("learning_rate").GetDouble() == 1
        && run.GetProperty("relative_damping").GetDouble() == 0.1
        && !run.GetProperty("automatic_step").GetBoolean()
        && !run.GetProperty("full_fine_tuning").GetBoolean();
}
