using System.Text.Json.Nodes;
using Samples;
using static TorchSharp.torch;
using OptimizerOptions = Microsoft.ML.NaturalGradient.OptimizerOptions;
using Parameter = TorchSharp.Modules.Parameter;

namespace ReplicationSample;

/// <summary>One optimizer of an experiment at one learning rate.</summary>
/// <param name="Label">What tables call it, without the rate.</param>
/// <param name="Options">The optimizer.</param>
/// <param name="Rate">The learning rate as the file names it; null for the method's own.</param>
/// <param name="Settings">What the file says of it, with this one rate.</param>
internal sealed record OptimizerChoice(string Label, OptimizerOptions Options, double? Rate, JsonObject Settings)
{
    private const string LabelProperty = "name";
    private const string RateProperty = "learningRate";

    /// <summary>The optimizers of a list, each once for every learning rate it names.</summary>
    public static IReadOnlyList<OptimizerChoice> Read(IEnumerable<JsonObject> choices)
    {
        var all = choices.SelectMany(Read).ToArray();
        return all.GroupBy(choice => (choice.Label, choice.Rate)).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? throw new UsageException($"Two optimizers are called \"{twice.Key.Label}\". Tell them apart with \"{LabelProperty}\".")
            : all;
    }

    /// <summary>An optimizer that can only have one learning rate.</summary>
    public static OptimizerChoice Single(JsonObject choice) => Read(choice).ToArray() is [var single]
        ? single
        : throw new UsageException($"This optimizer can have only one learning rate: {choice.ToJsonString()}");

    private static IEnumerable<OptimizerChoice> Read(JsonObject choice)
    {
        JsonNode?[] rates = choice[RateProperty] is JsonArray grid ? [.. grid] : [choice[RateProperty]];
        foreach (var rate in rates)
        {
            var settings = choice.DeepClone().AsObject();
            settings.Remove(LabelProperty);
            settings.Remove(RateProperty);
            if (rate is not null)
            {
                settings[RateProperty] = rate.DeepClone();
            }

            var options = NamedSettings.Optimizer(settings);
            var method = MethodName(options);
            yield return new OptimizerChoice(choice[LabelProperty]?.ToString() ?? method, options, options.LearningRate, settings);
        }
    }

    /// <summary>The method's own name; checks the settings on the way.</summary>
    private static string MethodName(OptimizerOptions options)
    {
        using var parameter = new Parameter(zeros(2, 2));
        try
        {
            using var optimizer = options.CreateFor([parameter], classCount: 2);
            return optimizer.Method;
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(exception.Message);
        }
    }
}
