using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Steps of text cleaning that several tokenizers share.</summary>
internal static partial class TextSteps
{
    /// <summary>Replaces each run of two or more spaces.</summary>
    public static string ReplaceSpaceRuns(string text, string replacement) =>
        text.Contains("  ", StringComparison.Ordinal) ? SpaceRun().Replace(text, replacement) : text;

    /// <summary>One step that takes all steps in their order.</summary>
    public static Func<string, string> Chain(IReadOnlyList<Func<string, string>> steps) => text =>
    {
        foreach (var step in steps)
        {
            text = step(text);
        }

        return text;
    };

    [GeneratedRegex(" {2,}")]
    private static partial Regex SpaceRun();
}
