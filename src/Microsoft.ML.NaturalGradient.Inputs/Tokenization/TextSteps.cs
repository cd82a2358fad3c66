using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Steps of text cleaning that several tokenizers share.</summary>
internal static class TextSteps
{
    /// <summary>Replaces each run of two or more spaces.</summary>
    public static string ReplaceSpaceRuns(string text, string replacement)
    {
        const string shortestRun = "  ";
        if (!text.Contains(shortestRun, StringComparison.Ordinal))
        {
            return text;
        }

        var builder = new StringBuilder(text.Length);
        var rest = text.AsSpan();
        for (int start; (start = rest.IndexOf(shortestRun, StringComparison.Ordinal)) >= 0;)
        {
            builder.Append(rest[..start]).Append(replacement);
            rest = rest[start..].TrimStart(' ');
        }

        return builder.Append(rest).ToString();
    }

    /// <summary>One step that takes all steps in their order.</summary>
    public static Func<string, string> Chain(IReadOnlyList<Func<string, string>> steps) => text =>
    {
        foreach (var step in steps)
        {
            text = step(text);
        }

        return text;
    };
}
