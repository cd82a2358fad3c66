using Microsoft.ML.NaturalGradient;
using Spectre.Console;

namespace Samples;

/// <summary>One progress bar for each trainer; a line for each epoch where the output is not a terminal.</summary>
internal sealed class TrainingDisplay
{
    private readonly Dictionary<string, ProgressTask> _bars = [];

    private readonly int _nameWidth;

    private TrainingDisplay(IEnumerable<string> names) => _nameWidth = names.Max(name => name.Length);

    /// <summary>Runs <paramref name="work"/> with a display that its trainers report to by their names.</summary>
    public static T Show<T>(IReadOnlyList<string> names, Func<TrainingDisplay, T> work)
    {
        var display = new TrainingDisplay(names);
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Interactive)
        {
            return work(display);
        }

        return AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .Start(context =>
            {
                foreach (var name in names)
                {
                    display._bars[name] = context.AddTask($"{display.Padded(name)} waiting");
                }

                return work(display);
            });
    }

    /// <summary>Shows where one trainer is.</summary>
    public void Report(string name, TrainingProgress progress)
    {
        var accuracy = progress.Accuracy is { } share ? $"  accuracy {share:F3}" : ""; // numbers as labels have none
        var text = $"{Padded(name)} epoch {progress.Epoch}/{progress.EpochCount}  loss {progress.Loss:F3}{accuracy}  "
            + $"{progress.RowsPerSecond:F0} rows/s  {(long)progress.TimeLeft.TotalMinutes}:{progress.TimeLeft:ss} left";
        if (_bars.TryGetValue(name, out var bar))
        {
            bar.Description = text;
            bar.MaxValue = (double)progress.EpochCount * progress.StepCount;
            bar.Value = ((progress.Epoch - 1.0) * progress.StepCount) + progress.Step;
        }
        else if (progress.EndOfEpoch)
        {
            Console.WriteLine(text);
        }
    }

    private string Padded(string name) => name.PadRight(_nameWidth);
}
