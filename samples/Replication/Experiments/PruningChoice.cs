using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient;
using Samples;

namespace ReplicationSample;

/// <summary>One way to prune.</summary>
/// <param name="Label">What tables call it.</param>
/// <param name="Options">The settings; null for the smallest weights.</param>
internal sealed record PruningChoice(string Label, PruningOptions? Options)
{
    private const string LabelProperty = "name";
    private const string KindProperty = "by";
    private const string Magnitude = "magnitude";

    /// <summary>The ways of a list.</summary>
    public static IReadOnlyList<PruningChoice> Read(IEnumerable<JsonObject> choices)
    {
        var all = choices.Select(Read).ToArray();
        return all.GroupBy(choice => choice.Label).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? throw new UsageException($"Two ways to prune are called \"{twice.Key}\". Tell them apart with \"{LabelProperty}\".")
            : all;
    }

    private static PruningChoice Read(JsonObject choice)
    {
        var kind = choice[KindProperty]?.ToString() ?? throw new UsageException($"A way to prune has no \"{KindProperty}\": {choice.ToJsonString()}");
        var label = choice[LabelProperty]?.ToString() ?? kind;
        if (kind == Magnitude)
        {
            return new PruningChoice(label, null);
        }

        if (!Enum.TryParse<PruningFisher>(kind, ignoreCase: true, out var fisher) || !Enum.IsDefined(fisher))
        {
            throw new UsageException($"There is no way to prune by \"{kind}\". There are {Magnitude}, {string.Join(", ", Enum.GetNames<PruningFisher>())}.");
        }

        return new PruningChoice(label, NamedSettings.Pruning(new PruningOptions { Fisher = fisher }, choice, [LabelProperty, KindProperty]));
    }
}
