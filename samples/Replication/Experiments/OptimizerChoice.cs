using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient;
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

    /// <summary>The optimizer at a multiple of its learning rate, of the method's own where the file names none; unchanged for 1.</summary>
    /// <param name="factor">The multiple.</param>
    /// <param name="classCount">The number of classes, on which a method's own may depend.</param>
    /// <returns>The optimizer, and the learning rate.</returns>
    public (OptimizerOptions Options, double Rate) Times(double factor, int classCount)
    {
        var rate = factor * Inspect(Options, classCount, optimizer => optimizer.LearningRate);
        return (factor == 1 ? Options : Options with { LearningRate = rate }, rate);
    }

    private static IEnumerable<OptimizerChoice> Read(JsonObject choice)
    {
        JsonNode?[] rates = choice[RateProperty] switch
        {
            JsonArray { Count: 0 } => throw new UsageException($"The list of learning rates is empty: {choice.ToJsonString()}. Name one, or leave \"{RateProperty}\" out for the method's own."),
            JsonArray grid => [.. grid],
            var rate => [rate],
        };
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
            var method = Inspect(options, classCount: 2, optimizer => optimizer.Method);
            yield return new OptimizerChoice(choice[LabelProperty]?.ToString() ?? method, options, options.LearningRate, settings);
        }
    }

    /// <summary>Looks at an optimizer of these options; checks them on the way.</summary>
    private static T Inspect<T>(OptimizerOptions options, int classCount, Func<ParameterOptimizer, T> value)
    {
        using var parameter = new Parameter(zeros(2, 2));
        try
        {
            using var optimizer = options.CreateFor([parameter], classCount);
            return value(optimizer);
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(exception.Message);
        }
    }
}
