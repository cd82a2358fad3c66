using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Tests.Evaluation;

/// <summary>SQuAD's metrics step by step, with regular expressions and lists; for ASCII, where .NET's expressions mean what Python's do.</summary>
internal static partial class NaiveSquad
{
    public static string Normalize(string text)
    {
        var lower = text.ToLowerInvariant();
        var plain = PunctuationMark().Replace(lower, "");
        var bare = Article().Replace(plain, " ");
        return string.Join(' ', Spaces().Split(bare).Where(word => word.Length > 0));
    }

    public static double Exact(string[] references, string prediction) => Kept(references).Any(reference => reference == Normalize(prediction)) ? 1 : 0;

    public static double F1(string[] references, string prediction) => Kept(references).Max(reference => F1(reference, Normalize(prediction)));

    private static string[] Kept(string[] references)
    {
        var kept = references.Select(Normalize).Where(reference => reference.Length > 0).ToArray();
        return kept.Length > 0 ? kept : [""];
    }

    // Precision and recall by crossing out words one after the other.
    private static double F1(string reference, string prediction)
    {
        if (reference.Length == 0 || prediction.Length == 0)
        {
            return reference == prediction ? 1 : 0;
        }

        var (wanted, given) = (reference.Split(' ').ToList(), prediction.Split(' '));
        var total = (double)wanted.Count;
        var common = given.Count(wanted.Remove);
        var (precision, recall) = (common / (double)given.Length, common / total);
        return common == 0 ? 0 : 2 * precision * recall / (precision + recall);
    }

    [GeneratedRegex(@"[\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E]")]
    private static partial Regex PunctuationMark();

    [GeneratedRegex(@"\b(a|an|the)\b")]
    private static partial Regex Article();

    [GeneratedRegex(@"[\s\x1C-\x1F]+")]
    private static partial Regex Spaces();
}
