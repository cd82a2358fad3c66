using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Steps of text cleaning that several tokenizers share.</summary>
internal static class TextSteps
{
    /// <summary>Replaces each occurrence of a text.</summary>
    /// <param name="text">Where to look for it.</param>
    /// <param name="old">What is replaced; not empty.</param>
    /// <param name="replacement">What takes its place.</param>
    /// <param name="most">How long the result may be.</param>
    /// <exception cref="InvalidDataException">It would be longer.</exception>
    public static string Replace(string text, string old, string replacement, int most)
    {
        var growth = replacement.Length - (long)old.Length;
        TextCleaning.CheckLength(growth <= 0 ? 0 : text.Length + (growth * text.AsSpan().Count(old)), most);
        return text.Replace(old, replacement, StringComparison.Ordinal);
    }

    /// <summary>Replaces each run of two or more spaces.</summary>
    /// <param name="text">Where to look for them.</param>
    /// <param name="replacement">What takes the place of each.</param>
    /// <param name="most">How long the result may be.</param>
    /// <exception cref="InvalidDataException">It would be longer.</exception>
    public static string ReplaceSpaceRuns(string text, string replacement, int most = int.MaxValue)
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
            TextCleaning.CheckLength((long)builder.Length + start + replacement.Length, most);
            builder.Append(rest[..start]).Append(replacement);
            rest = rest[start..].TrimStart(' ');
        }

        return builder.Append(rest).ToString();
    }
}
