using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>Compares names of layers with the regular expressions of one LoRA configuration, which may be a stranger's.</summary>
/// <remarks>The time that they take is bounded, that of each and of all together: some expressions try more ways than could ever end.</remarks>
internal sealed class LoraPatterns
{
    private static readonly TimeSpan PatienceForEach = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, Regex> _expressions = new(StringComparer.Ordinal);
    private readonly TimeSpan _patience;
    private TimeSpan _taken;

    /// <summary>Knows no expression yet.</summary>
    /// <param name="patience">How long all comparisons together may take; null for ten seconds, of which usual ones need microseconds.</param>
    public LoraPatterns(TimeSpan? patience = null)
    {
        _patience = patience ?? 10 * PatienceForEach;
    }

    /// <summary>Throws if a text is no regular expression.</summary>
    /// <exception cref="ArgumentException">It is none; the message says why.</exception>
    public static void Check(string pattern) => _ = Whole(pattern);

    /// <summary>Whether a whole name matches an expression.</summary>
    /// <param name="pattern">The expression.</param>
    /// <param name="name">Name of a layer.</param>
    /// <exception cref="ArgumentException">That takes too long; the message names both.</exception>
    public bool IsMatch(string pattern, string name)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            if (!_expressions.TryGetValue(pattern, out var expression))
            {
                _expressions.Add(pattern, expression = Whole(pattern));
            }

            var isMatch = expression.IsMatch(name);
            _taken += Stopwatch.GetElapsedTime(start);
            return _taken < _patience ? isMatch : throw TooSlow(pattern, name, _patience, ", with those before", null);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw TooSlow(pattern, name, PatienceForEach, "", e);
        }
    }

    /// <summary>Looks up the value for a layer.</summary>
    /// <param name="values">Values by regular expressions for the end of a layer's name; the first that matches counts.</param>
    /// <param name="name">Name of the layer.</param>
    /// <param name="defaultValue">The value where none matches.</param>
    /// <returns>The value.</returns>
    /// <exception cref="ArgumentException">That takes too long; the message names expression and layer.</exception>
    public T Lookup<T>(IReadOnlyDictionary<string, T>? values, string name, T defaultValue)
    {
        foreach (var (pattern, value) in values ?? new Dictionary<string, T>())
        {
            if (IsMatch($"(?:.*\\.)?(?:{pattern})", name))
            {
                return value;
            }
        }

        return defaultValue;
    }

    private static Regex Whole(string pattern) => new($@"\A(?:{pattern})\z", RegexOptions.CultureInvariant, PatienceForEach);

    private static ArgumentException TooSlow(string pattern, string name, TimeSpan patience, string what, Exception? cause) => new(
        $"The pattern '{pattern}' takes more than {patience.TotalSeconds} s for the name '{name}'{what}. Write it without nested repetitions.", nameof(pattern), cause);
}
