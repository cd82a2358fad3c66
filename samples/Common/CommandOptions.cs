using System.Globalization;
using System.Text.RegularExpressions;

namespace Samples;

/// <summary>The options on a command line: those that a usage text describes, and no others.</summary>
/// <remarks>
/// The usage describes an option on a line of its own that begins with <c>--name VALUE</c>, or <c>--name</c> where it takes none, and has two blanks or more before what it
/// says. An option that is given again counts with its last value, but in <see cref="All"/>.
/// </remarks>
internal sealed partial class CommandOptions
{
    private readonly Dictionary<string, List<string>> _values = new(StringComparer.Ordinal);

    /// <summary>Reads arguments.</summary>
    /// <param name="arguments">The arguments; after <c>--</c> none is an option.</param>
    /// <param name="usage">The usage text.</param>
    /// <param name="takesInputs">Whether there may be arguments that are no options.</param>
    /// <param name="isAllowed">Which of the options of the usage may be given here; null for all.</param>
    /// <param name="isSetting">Which options besides take a value, which may be empty where <c>=</c> is before it; null for none.</param>
    /// <exception cref="UsageException">An option is unknown or lacks its value, or there is an argument that is none.</exception>
    public CommandOptions(
        IEnumerable<string> arguments, string usage, bool takesInputs = false, Func<string, bool>? isAllowed = null, Func<string, bool>? isSetting = null)
    {
        var takesValue = Described.Matches(usage).DistinctBy(line => line.Groups["name"].Value)
            .Where(line => isAllowed?.Invoke(line.Groups["name"].Value) ?? true).ToDictionary(line => line.Groups["name"].Value, line => line.Groups["value"].Success);
        var (queue, inputs) = (new Queue<string>(arguments), new List<string>());
        while (queue.TryDequeue(out var argument))
        {
            if (argument == "--")
            {
                inputs.AddRange(queue);
                break;
            }

            if (!argument.StartsWith("--", StringComparison.Ordinal))
            {
                inputs.Add(argument);
                continue;
            }

            var (name, value) = argument.Split('=', 2) is [var before, var after] ? (before, after) : (argument, null);
            if (!(takesValue.TryGetValue(name, out var hasValue) || (hasValue = isSetting?.Invoke(name) ?? false)) || (value is not null && !hasValue))
            {
                throw new UsageException($"There is no argument \"{argument}\" here.");
            }

            if (hasValue && (value is null || takesValue.ContainsKey(name)))
            {
                value ??= queue.TryDequeue(out var next) && !next.StartsWith("--", StringComparison.Ordinal) ? next : "";
                value = string.IsNullOrWhiteSpace(value) ? throw new UsageException($"{name} needs a value after it.") : value;
            }

            if (!_values.TryGetValue(name, out var values))
            {
                _values.Add(name, values = []);
            }

            values.Add(value ?? "");
        }

        Inputs = takesInputs || inputs.Count == 0 ? inputs : throw new UsageException($"There is no argument \"{inputs[0]}\" here.");
    }

    /// <summary>The arguments that are no options.</summary>
    public IReadOnlyList<string> Inputs { get; }

    /// <summary>Names of the options that were given.</summary>
    public IEnumerable<string> Names => _values.Keys;

    /// <summary>Whether arguments ask for help: before <c>--</c>, after which they are inputs.</summary>
    public static bool AsksForHelp(IEnumerable<string> arguments) =>
        arguments.TakeWhile(argument => argument != "--").Any(argument => argument is "--help" or "-h" or "help");

    /// <summary>Whether an option was given.</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>All values of an option that may be repeated.</summary>
    public IReadOnlyList<string> All(string name) => _values.GetValueOrDefault(name) ?? [];

    /// <summary>The value; null when none was given.</summary>
    public string? Text(string name) => All(name) is [.., var last] ? last : null;

    /// <summary>The value of an option that must be given.</summary>
    /// <exception cref="UsageException">It was not.</exception>
    public string Required(string name) => Text(name) ?? throw new UsageException($"{name} is missing.");

    /// <summary>A whole number greater than zero; null when none was given.</summary>
    /// <exception cref="UsageException">The value is something else.</exception>
    public int? Count(string name) => Text(name) is { } value ? Count(name, value) : null;

    /// <summary>A whole number greater than zero.</summary>
    /// <param name="name">What it is, for the message.</param>
    /// <param name="value">The text of it.</param>
    /// <exception cref="UsageException">The text is something else.</exception>
    public static int Count(string name, string value) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
        ? number
        : throw new UsageException($"{name} needs a whole number greater than zero, not \"{value}\".");

    /// <summary>Numbers greater than zero, with a point, of an option that may be repeated.</summary>
    /// <exception cref="UsageException">A value is something else.</exception>
    public IReadOnlyList<double> Numbers(string name) => [.. All(name).Select(value =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) && number > 0
            ? number
            : throw new UsageException($"{name} needs a number greater than zero, not \"{value}\"."))];

    /// <summary>The value of an option that chooses among names; the first when none was given.</summary>
    /// <exception cref="UsageException">The value is none of the names.</exception>
    public string Choice(string name, params IReadOnlyList<string> names) => Has(name) ? Choices(name, names).Single(known => known == Text(name)) : names[0];

    /// <summary>The values of such an option that may be repeated, in the order of the names; all names when none was given.</summary>
    /// <exception cref="UsageException">A value is none of the names.</exception>
    public IReadOnlyList<string> Choices(string name, params IReadOnlyList<string> names) => All(name).FirstOrDefault(value => !names.Contains(value)) is { } unknown
        ? throw new UsageException($"{name} cannot be \"{unknown}\". Use {string.Join(", ", names)}.")
        : [.. names.Where(known => All(name).Count == 0 || All(name).Contains(known))];

    /// <summary>The names that have one of an option's values in them; all names when none was given.</summary>
    /// <exception cref="UsageException">A value is in none of the names.</exception>
    public IReadOnlyList<string> Parts(string name, params IReadOnlyList<string> names) => All(name).FirstOrDefault(part => !names.Any(known => known.Contains(part, StringComparison.Ordinal))) is { } unknown
        ? throw new UsageException($"{name} \"{unknown}\" is in none of these: {string.Join("; ", names)}.")
        : [.. names.Where(known => All(name).Count == 0 || All(name).Any(part => known.Contains(part, StringComparison.Ordinal)))];

    [GeneratedRegex(@"^ +(?<name>--\S+)(?: (?<value>\S+))?(?: {2,}|\r?$)", RegexOptions.Multiline)]
    private static partial Regex Described { get; }
}
