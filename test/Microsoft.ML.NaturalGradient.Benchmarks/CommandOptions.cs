using System.Globalization;

namespace Microsoft.ML.NaturalGradient.Benchmarks;

/// <summary>The arguments of a verb: pairs of a name and a value.</summary>
internal sealed class CommandOptions
{
    private readonly Dictionary<string, List<string>> _values;

    private CommandOptions(Dictionary<string, List<string>> values) => _values = values;

    /// <summary>Reads arguments.</summary>
    /// <param name="arguments">The arguments after the verb.</param>
    /// <param name="usage">Is printed when they make no sense; names every option as <c>--name</c>.</param>
    /// <returns>The options, or null after the usage was printed; <c>--data</c> is among them where the usage names it.</returns>
    public static CommandOptions? Parse(IReadOnlyList<string> arguments, string usage)
    {
        var values = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        for (var i = 0; i + 1 < arguments.Count; i += 2)
        {
            if (!values.TryGetValue(arguments[i], out var list))
            {
                values.Add(arguments[i], list = []);
            }

            list.Add(arguments[i + 1]);
        }

        if (arguments.Count % 2 == 0 && (values.ContainsKey("--data") || !usage.Contains("  --data ", StringComparison.Ordinal))
            && values.Keys.All(name => name.StartsWith("--", StringComparison.Ordinal) && usage.Contains($"  {name} ", StringComparison.Ordinal)))
        {
            return new CommandOptions(values);
        }

        Console.Error.WriteLine(usage);
        return null;
    }

    /// <summary>All values of an option that may be repeated.</summary>
    /// <param name="name">Name with its hyphens.</param>
    public IReadOnlyCollection<string> All(string name) => _values.GetValueOrDefault(name) ?? [];

    /// <summary>The last value; null when none was given.</summary>
    /// <param name="name">Name with its hyphens.</param>
    public string? Text(string name) => All(name).LastOrDefault();

    /// <summary>A whole number.</summary>
    /// <param name="name">Name with its hyphens.</param>
    /// <param name="otherwise">The value when it was not given.</param>
    public int Number(string name, int otherwise) => Text(name) is { } value ? int.Parse(value, CultureInfo.InvariantCulture) : otherwise;
}
