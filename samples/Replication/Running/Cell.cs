using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Samples;

namespace ReplicationSample;

/// <summary>One training run of an experiment.</summary>
/// <param name="Kind">What the run is for.</param>
/// <param name="Experiment">The experiment.</param>
/// <param name="Optimizer">The optimizer.</param>
/// <param name="Seed">The seed.</param>
/// <param name="RateFactor">What the optimizer's learning rate is multiplied by; null but for rates.</param>
internal sealed record Cell(ExperimentKind Kind, Experiment Experiment, OptimizerChoice Optimizer, int Seed, double? RateFactor = null)
{
    private const int KeyLength = 12;

    /// <summary>The runs of an experiment that depend on no other, in the order in which they are run: all, but of a grid of learning rates those that choose.</summary>
    public static IReadOnlyList<Cell> Plan(ExperimentKind kind, Experiment experiment)
    {
        var optimizers = kind is ExperimentKind.E2 or ExperimentKind.Mlp or ExperimentKind.Rates
            ? OptimizerChoice.Read(experiment.Optimizers)
            : [OptimizerChoice.Single(experiment.Run)];
        if (optimizers.Count == 0)
        {
            throw new UsageException($"The experiment \"{experiment.Name}\" names no \"optimizers\".");
        }

        var first = new Cell(kind, experiment, optimizers[0], 0);
        if (kind == ExperimentKind.Pruning && first.Pruning is not { Methods.Count: > 0 })
        {
            throw new UsageException($"The experiment \"{experiment.Name}\" names no \"methods\" under \"pruning\".");
        }

        if (first.Probe is { Methods.Count: 0 })
        {
            throw new UsageException($"The experiment \"{experiment.Name}\" names no \"methods\" under \"{ProbeName(kind)}\".");
        }

        var ownSeeds = first.Probe?.Seeds ?? first.Pruning?.Seeds ?? [];
        int[] seeds = [.. (ownSeeds.Count > 0 ? ownSeeds : experiment.Seeds).Distinct()];
        var grids = Grids(optimizers.Select(optimizer => optimizer.Label));
        if (kind == ExperimentKind.Rates)
        {
            return grids.Count == 0
                ? [.. AtRates(experiment, optimizers)]
                : throw new UsageException($"\"{grids.First()}\" has several learning rates. Name one, or none for the method's own: rates multiplies it by \"rateFactors\".");
        }

        return
        [
            .. seeds.Index().SelectMany(seed => optimizers
                .Where(optimizer => seed.Index < experiment.SearchSeeds || !grids.Contains(optimizer.Label))
                .Select(optimizer => new Cell(kind, experiment, optimizer, seed.Item))),
        ];
    }

    /// <summary>The other runs: where the file names several learning rates, the remaining seeds at the best of them.</summary>
    /// <param name="plan">What <see cref="Plan"/> gave.</param>
    /// <param name="finished">The result of one of them.</param>
    public static IReadOnlyList<Cell> AtBestRates(IReadOnlyList<Cell> plan, Func<Cell, FinishedCell> finished)
    {
        var grids = plan.GroupBy(cell => cell.Optimizer.Label).Where(cells => cells.DistinctBy(cell => cell.Optimizer.Rate).Skip(1).Any());
        return
        [
            .. grids.SelectMany(cells =>
            {
                var best = RateSearch.Best(cells.Select(finished)).Key;
                var chosen = cells.First(cell => cell.Optimizer.Rate == best);
                return chosen.Experiment.Seeds.Except(cells.Select(cell => cell.Seed)).Select(seed => chosen with { Seed = seed });
            }).OrderBy(cell => cell.Seed),
        ];
    }

    /// <summary>What is measured at the end of epochs; null for nothing.</summary>
    public Probe? Probe => Kind switch
    {
        ExperimentKind.E1 => Experiment.Directions,
        ExperimentKind.E3 => Experiment.DampingSweep,
        _ => null,
    };

    /// <summary>The property that says what an experiment measures at the end of epochs.</summary>
    public static string ProbeName(ExperimentKind kind) => kind == ExperimentKind.E1 ? "directions" : "dampingSweep";

    /// <summary>Name of the file whose parts share a table; null but for rates.</summary>
    public string? Study => Kind == ExperimentKind.Rates ? Experiment.Study : null;

    /// <summary>How the trained network is pruned; null where it is not.</summary>
    public PruningSweep? Pruning => Kind == ExperimentKind.Pruning ? Experiment.Pruning : null;

    /// <summary>What tells this run from all others.</summary>
    public JsonObject Settings
    {
        get
        {
            var settings = Shared;
            settings["optimizer"] = Optimizer.Settings.DeepClone();
            settings["seed"] = Seed;
            if (RateFactor is { } factor)
            {
                settings["rateFactor"] = factor;
            }

            return settings;
        }
    }

    /// <summary>Key of the settings that all runs of a table have in common; with rates, whose tables have several tasks and lengths, all runs of a task.</summary>
    public string GroupKey
    {
        get
        {
            var shared = Shared;
            if (Kind == ExperimentKind.Rates)
            {
                shared.Remove("epochs");
            }

            return KeyOf(shared);
        }
    }

    /// <summary>Name of the file of the finished run.</summary>
    public string FileName =>
        FormattableString.Invariant($"{Kind.ToString().ToLowerInvariant()}-{Clean(Optimizer.Label)}-seed{Seed}-{KeyOf(Settings)}.json");

    private JsonObject Shared
    {
        get
        {
            var settings = new JsonObject
            {
                ["kind"] = Kind.ToString(),
                ["task"] = Experiment.Task,
                ["trainingRows"] = Experiment.TrainingRows,
                ["validationRows"] = Experiment.ValidationRows,
                ["epochs"] = Experiment.Epochs,
                ["batchSize"] = Experiment.BatchSize,
                ["imageSize"] = Experiment.ImageSize,
            };
            if (Experiment.Classes is { } classes)
            {
                settings["classes"] = classes;
            }

            if (Kind is ExperimentKind.Mlp or ExperimentKind.Pruning)
            {
                settings["hiddenSizes"] = JsonSerializer.SerializeToNode(Experiment.HiddenSizes, ExperimentFile.Options);
                if (Pruning is { } pruning)
                {
                    settings["pruning"] = JsonSerializer.SerializeToNode(pruning with { Seeds = [] }, ExperimentFile.Options);
                }

                return settings;
            }

            settings["encoder"] = Experiment.Encoder;
            settings["adapter"] = Experiment.Adapter.DeepClone();
            settings["maxSequenceLength"] = Experiment.MaxSequenceLength;
            settings["probe"] = Probe is null ? null : JsonSerializer.SerializeToNode(Probe with { Epochs = [], Seeds = [] }, ExperimentFile.Options);
            return settings;
        }
    }

    private static IEnumerable<Cell> AtRates(Experiment experiment, IReadOnlyList<OptimizerChoice> optimizers) =>
        from seed in experiment.Seeds.Distinct()
        from count in (experiment.EpochCounts.Count == 0 ? [experiment.Epochs] : experiment.EpochCounts).Distinct()
        from optimizer in optimizers
        from factor in experiment.RateFactors.Distinct().Order()
        select new Cell(ExperimentKind.Rates, experiment with { Epochs = count }, optimizer, seed, factor);

    private static HashSet<string> Grids(IEnumerable<string> labels) =>
        [.. labels.CountBy(label => label).Where(count => count.Value > 1).Select(count => count.Key)];

    private static string KeyOf(JsonObject settings) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(settings.ToJsonString())))[..KeyLength];

    private static string Clean(string label) => string.Concat(label.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'));
}
