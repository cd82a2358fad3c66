using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Samples;

namespace ReplicationSample;

/// <summary>Finds the library's settings by name and changes them as a file says, so that new methods and settings need no code here.</summary>
internal static class NamedSettings
{
    /// <summary>The optimizer that an object names by its "method", with the settings that the object has besides.</summary>
    public static OptimizerOptions Optimizer(JsonObject choice)
    {
        var method = Text(choice, "method", "An optimizer");
        return Fill(Member<OptimizerOptions>(typeof(Optimizers), method, "optimizer") with { }, choice, method, ["method"]);
    }

    /// <summary>The adapter that a text, or the "kind" of an object, names.</summary>
    public static AdapterOptions Adapter(JsonNode choice)
    {
        if (choice is not JsonObject settings)
        {
            return Member<AdapterOptions>(typeof(Adapters), choice.ToString(), "adapter");
        }

        var kind = Text(settings, "kind", "An adapter");
        return Fill(Member<AdapterOptions>(typeof(Adapters), kind, "adapter") with { }, settings, kind, ["kind"]);
    }

    /// <summary>Settings of pruning, changed as an object says.</summary>
    /// <param name="target">The settings to start from.</param>
    /// <param name="choice">The object.</param>
    /// <param name="ignored">Its properties that are no settings.</param>
    public static PruningOptions Pruning(PruningOptions target, JsonObject choice, IReadOnlyCollection<string> ignored) =>
        Fill(target, choice, "Pruning", ignored);

    private static string Text(JsonObject choice, string property, string what) => choice[property] is JsonValue value
        ? value.ToString()
        : throw new UsageException($"{what} has no \"{property}\": {choice.ToJsonString()}");

    private static T Member<T>(Type catalog, string name, string what)
    {
        var members = catalog.GetProperties(BindingFlags.Public | BindingFlags.Static).Where(member => member.PropertyType.IsAssignableTo(typeof(T))).ToArray();
        var found = members.FirstOrDefault(member => member.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new UsageException($"There is no {what} \"{name}\". There are {string.Join(", ", members.Select(member => member.Name))}.");
        return (T)found.GetValue(null)!;
    }

    private static T Fill<T>(T target, JsonObject settings, string owner, IReadOnlyCollection<string> ignored)
        where T : notnull
    {
        var properties = target.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite).ToArray();
        foreach (var (name, value) in settings.Where(pair => !ignored.Contains(pair.Key)))
        {
            var property = properties.FirstOrDefault(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                ?? throw new UsageException($"{owner} has no setting \"{name}\". It has {string.Join(", ", properties.Select(one => one.Name))}.");
            property.SetValue(target, Value(value, property.PropertyType, $"{owner}.{property.Name}"));
        }

        return target;
    }

    private static object? Value(JsonNode? value, Type type, string name)
    {
        if (value is null)
        {
            return type.IsValueType && Nullable.GetUnderlyingType(type) is null
                ? throw new UsageException($"{name} cannot be null; it is a {type.Name}.")
                : null;
        }

        if (type == typeof(LearningRateSchedule))
        {
            return Schedule(value, name);
        }

        if (value is JsonObject settings && type.GetConstructor([]) is { } create)
        {
            return Fill(create.Invoke([]), settings, name, []);
        }

        try
        {
            return value.Deserialize(type, ExperimentFile.Options);
        }
        catch (Exception exception) when (exception is JsonException or NotSupportedException)
        {
            throw new UsageException($"{name} cannot be {value.ToJsonString()}; it is a {(Nullable.GetUnderlyingType(type) ?? type).Name}.");
        }
    }

    private static LearningRateSchedule Schedule(JsonNode value, string name)
    {
        if (value is not JsonObject settings)
        {
            return Member<LearningRateSchedule>(typeof(LearningRateSchedule), value.ToString(), "schedule");
        }

        var shape = Member<LearningRateSchedule>(typeof(LearningRateSchedule), Text(settings, "shape", name), "schedule");
        return Fill(shape with { }, settings, name, ["shape"]);
    }
}
