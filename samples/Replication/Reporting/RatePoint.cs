namespace ReplicationSample;

/// <summary>The runs of one task, length and optimizer at one factor of its learning rate.</summary>
/// <param name="Runs">The runs, one for each seed.</param>
internal sealed record RatePoint(IReadOnlyList<FinishedCell> Runs)
{
    public string Task => Runs[0].Experiment;

    public int ClassCount => Runs[0].ClassCount;

    public int Epochs => EpochsOf(Runs[0]);

    public string Optimizer => Runs[0].Optimizer;

    public double Factor => Runs[0].RateFactor!.Value;

    public IReadOnlyList<double> Losses => [.. Runs.Select(run => Result(run).ValidationLoss)];

    public IReadOnlyList<double> Accuracies => [.. Runs.Select(run => Result(run).ValidationAccuracy)];

    public double Loss => Losses.Average();

    public double Accuracy => Accuracies.Average();

    /// <summary>Whether a run ended early, with or without a model.</summary>
    public bool HasFailure => Runs.Any(run => run.Failure is not null);

    /// <summary>The points of finished runs, a list for each task in the order of their first runs; within it by length, optimizer and factor.</summary>
    public static IReadOnlyList<IReadOnlyList<RatePoint>> Of(IEnumerable<FinishedCell> cells) =>
    [
        .. cells.GroupBy(cell => (cell.Experiment, cell.GroupKey)).OrderBy(task => task.First().ClassCount).ThenBy(task => task.Key.Experiment, StringComparer.Ordinal)
            .Select(task => task.GroupBy(cell => (EpochsOf(cell), cell.Optimizer, cell.RateFactor))
                .Select(runs => new RatePoint([.. runs.OrderBy(run => run.Seed)]))
                .OrderBy(point => point.Epochs).ThenByDescending(point => point.Optimizer, StringComparer.Ordinal).ThenBy(point => point.Factor).ToArray()),
    ];

    /// <summary>The length that a run was to have.</summary>
    public static int EpochsOf(FinishedCell run) => run.Settings["epochs"]!.GetValue<int>();

    /// <summary>What a run came to: its model, or where it returned none what a uniform guess has.</summary>
    public static ReturnedResult Result(FinishedCell run) => run.Returned ?? new ReturnedResult(Math.Log(run.ClassCount), 1.0 / run.ClassCount);
}
