using System.Diagnostics;
using Microsoft.ML.NaturalGradient;
using Samples;
using Spectre.Console;

namespace ReplicationSample;

/// <summary>Runs cells and keeps each as soon as it is finished.</summary>
internal static class CellRun
{
    /// <summary>Runs what is missing of an experiment.</summary>
    /// <param name="kind">Which of its experiments.</param>
    /// <param name="experiment">The experiment.</param>
    /// <param name="dataFolder">The folder of <c>--data</c>.</param>
    /// <param name="store">Where finished cells are.</param>
    /// <param name="stop">Ends the run at hand; finished cells stay.</param>
    /// <returns>All its cells; each is finished.</returns>
    public static IReadOnlyList<Cell> RunMissing(ExperimentKind kind, Experiment experiment, string? dataFolder, CellStore store, CancellationToken stop)
    {
        var cells = Cell.Plan(kind, experiment);
        RunMissing(cells, dataFolder, store, stop);
        var others = Cell.AtBestRates(cells, store.Read);
        RunMissing(others, dataFolder, store, stop);
        return [.. cells, .. others];
    }

    private static void RunMissing(IReadOnlyList<Cell> cells, string? dataFolder, CellStore store, CancellationToken stop)
    {
        if (cells.Count == 0)
        {
            return;
        }

        var missing = cells.Where(cell => !store.Has(cell)).ToArray();
        foreach (var cell in cells.Except(missing))
        {
            store.Present(cell);
        }

        Console.WriteLine($"{cells[0].Kind}, {cells[0].Experiment.Name}: {cells.Count} cells, {cells.Count - missing.Length} of them finished before");
        if (missing.Length == 0)
        {
            return;
        }

        var data = TaskData.Load(cells[0].Experiment, dataFolder);
        Console.WriteLine($"{data.Training.Count} training rows, {data.Validation.Count} validation rows, {data.ClassCount} classes");
        foreach (var (index, cell) in missing.Index())
        {
            stop.ThrowIfCancellationRequested();
            var rate = cell.RateFactor is { } factor ? $" {RateText.Factor(factor)}, epochs {cell.Experiment.Epochs}" : RateText.Of(cell.Optimizer.Rate, ", rate ");
            var name = $"{index + 1}/{missing.Length} {cell.Optimizer.Label}{rate}, seed {cell.Seed}".EscapeMarkup();
            var finished = TrainingDisplay.Show([name], display => Run(cell, data, progress => display.Report(name, progress), stop));
            store.Write(cell, finished);
            Console.WriteLine(finished.Failure is { } failure ? $"{name}: {failure}" : $"{name}: {finished.Seconds:F0} s");
        }
    }

    private static FinishedCell Run(Cell cell, TaskData data, Action<TrainingProgress> report, CancellationToken stop)
    {
        var watch = Stopwatch.StartNew();
        var recorder = new EpochRecorder(report);
        string? failure = null;
        IReadOnlyList<PruningResult> pruned = [];
        var warnings = new List<string>();
        ReturnedResult? returned = null;
        var (options, rate) = cell.RateFactor is { } factor ? cell.Optimizer.Times(factor, data.ClassCount) : (cell.Optimizer.Options, cell.Optimizer.Rate);
        try
        {
            if (cell.Kind is ExperimentKind.Mlp or ExperimentKind.Pruning)
            {
                pruned = MlpTraining.Run(cell, data, recorder.Report, stop);
            }
            else
            {
                returned = FineTuning.Run(cell, options, data, recorder.Report, warnings.Add, stop);
            }
        }
        catch (InvalidOperationException exception) when (!stop.IsCancellationRequested)
        {
            failure = exception.Message; // the loss was not finite: a result of the method at this rate
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException(exception.Message);
        }

        return new FinishedCell
        {
            Kind = cell.Kind,
            Experiment = cell.Experiment.Name,
            Study = cell.Study,
            GroupKey = cell.GroupKey,
            Optimizer = cell.Optimizer.Label,
            LearningRate = rate,
            RateFactor = cell.RateFactor,
            Seed = cell.Seed,
            ClassCount = data.ClassCount,
            Settings = cell.Settings,
            ShownEpochs = cell.Probe?.Epochs ?? [],
            Seconds = watch.Elapsed.TotalSeconds,
            Failure = failure ?? (recorder.Epochs.Count < cell.Experiment.Epochs ? "The training ended early: the loss was not finite." : null),
            Epochs = recorder.Epochs,
            Returned = returned,
            Warnings = warnings,
            Pruned = pruned,
        };
    }
}
