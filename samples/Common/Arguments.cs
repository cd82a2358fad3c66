using System.Globalization;

namespace Samples;

/// <summary>Reads the values that follow options on the command line.</summary>
internal static class Arguments
{
    /// <summary>The value after an option.</summary>
    public static string Value(string option, Queue<string> arguments) =>
        arguments.TryDequeue(out var value) && !value.StartsWith("--", StringComparison.Ordinal)
            ? value
            : throw new UsageException($"{option} needs a value after it.");

    /// <summary>The whole number after an option.</summary>
    public static int PositiveNumber(string option, Queue<string> arguments)
    {
        var value = Value(option, arguments);
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new UsageException($"{option} needs a whole number greater than zero, not \"{value}\".");
    }

    /// <summary>Takes from the arguments of <c>classify</c> the options, and returns the rest: what is to be classified.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="options">The options that there are, with their values where they are not given; changed to those given.</param>
    public static IReadOnlyList<string> Classified(Queue<string> arguments, IDictionary<string, string?> options)
    {
        List<string> inputs = [];
        while (arguments.TryDequeue(out var argument))
        {
            switch (argument)
            {
                case var option when options.ContainsKey(option): options[option] = Value(option, arguments); break;
                case "--": inputs.AddRange(arguments); arguments.Clear(); break;
                case var option when option.StartsWith("--", StringComparison.Ordinal):
                    throw new UsageException($"classify has no option \"{option}\".");
                default: inputs.Add(argument); break;
            }
        }

        return inputs;
    }
}
