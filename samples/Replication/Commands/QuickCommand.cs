using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Runs every kind of experiment on the data of this repository, and fails when a result is missing.</summary>
internal sealed class QuickCommand : Command<OutputSettings>
{
    private static readonly (ExperimentKind Kind, string Preset)[] Parts =
    [
        (ExperimentKind.E1, "quick"), (ExperimentKind.E2, "quick"), (ExperimentKind.E3, "quick"), (ExperimentKind.Mlp, "quick-mlp"),
        (ExperimentKind.Pruning, "quick-mlp"), (ExperimentKind.Rates, "quick-rates"),
    ];

    public override int Execute(CommandContext context, OutputSettings settings, CancellationToken cancellationToken)
    {
        var store = new CellStore(settings.Output, create: true);
        var cells = Parts.SelectMany(part => ExperimentFile.Load(part.Preset), (part, experiment) => (part.Kind, Experiment: experiment))
            .SelectMany(part => CellRun.RunMissing(part.Kind, settings.Tiny ? part.Experiment.Tiny() : part.Experiment, null, store, cancellationToken))
            .ToArray();
        var written = Report.Write(store);
        var problems = cells.SelectMany(cell => Problems(cell, store)).Concat(MissingSeeds(cells))
            .Concat(written.Where(file => new FileInfo(file) is not { Exists: true, Length: > 0 }).Select(file => $"{file} is missing or empty"))
            .ToArray();
        foreach (var problem in problems)
        {
            Console.Error.WriteLine($"error: {problem}");
        }

        Console.WriteLine(problems.Length == 0 ? $"{cells.Length} cells and {written.Count} files, nothing is missing" : "FAILED");
        return problems.Length == 0 ? 0 : 1;
    }

    // Of several learning rates one has all the seeds: the best.
    private static IEnumerable<string> MissingSeeds(IEnumerable<Cell> cells) => cells
        .Where(cell => cell.Kind is ExperimentKind.E2 or ExperimentKind.Mlp)
        .GroupBy(cell => (cell.Kind, cell.Optimizer.Label))
        .Where(optimizer => !optimizer.GroupBy(cell => cell.Optimizer.Rate)
            .Any(rate => rate.First().Experiment.Seeds.ToHashSet().SetEquals(rate.Select(cell => cell.Seed))))
        .Select(optimizer => $"{optimizer.Key.Kind} {optimizer.Key.Label} was not run with all seeds at any learning rate");

    private static IEnumerable<string> Problems(Cell cell, CellStore store)
    {
        var name = $"{cell.Kind} {cell.Optimizer.Label}";
        if (!store.Has(cell))
        {
            yield return $"{name} has no result";
            yield break;
        }

        var finished = store.Read(cell);
        if (cell.RateFactor is not null and not 1)
        {
            yield break; // how it ends is a result of the rate
        }

        if (finished.Failure is not null || finished.Epochs.Count != cell.Experiment.Epochs)
        {
            yield return $"{name} ended after {finished.Epochs.Count} epochs: {finished.Failure}";
        }

        if (finished.Epochs.Any(epoch => !double.IsFinite(epoch.TrainingLoss) || (finished.Returned?.ValidationLoss ?? epoch.ValidationLoss) is not { } loss || !double.IsFinite(loss)))
        {
            yield return $"{name} has a loss that is not finite";
        }

        if (cell.Pruning is { } pruning && finished.Pruned.Count != pruning.Methods.Count * pruning.Sparsities.Count)
        {
            yield return $"{name} lacks one of {pruning.Methods.Count * pruning.Sparsities.Count} pruned networks";
        }

        if (cell.Probe is { } probe)
        {
            var expected = probe.Methods.Count * Math.Max(1, probe.Dampings.Count);
            if (finished.Epochs.Any(epoch => epoch.Directions.Count(direction => direction.RatioToSgd > 0) != expected))
            {
                yield return $"{name} lacks one of {expected} measured directions";
            }
        }
    }
}
