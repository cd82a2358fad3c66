using System.Globalization;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Brings long runs of combining marks into canonical order before the Unicode library would, which inserts them one by one.</summary>
/// <remarks>
/// Canonical ordering is a stable sort by combining class (The Unicode Standard, section 3.11, D109). .NET does not tell the class of a mark, but
/// whether two marks change places says which class is lower. O(n log n) for a run of n marks; ICU takes O(n²), minutes for a megabyte.
/// </remarks>
internal static class CombiningMarks
{
    private const int LongRun = 128; // UTF-16 units; insertion costs nothing to speak of in shorter runs
    private const string LowestClass = "\u0334"; // class 1
    private const string HighestClass = "\u0345"; // class 240, of which it is the only one

    /// <summary>An equivalent text whose long runs of marks are decomposed and in canonical order; ordinary text is returned as it is.</summary>
    /// <param name="text">Text without lone surrogates.</param>
    /// <param name="form">The form that the text is to be brought into.</param>
    public static string OrderLongRuns(string text, NormalizationForm form)
    {
        var runs = LongRuns(text);
        if (runs.Count == 0)
        {
            return text;
        }

        var decomposition = form is NormalizationForm.FormC or NormalizationForm.FormD ? NormalizationForm.FormD : NormalizationForm.FormKD;
        var parts = new Dictionary<Rune, Rune[]>();
        foreach (var rune in runs.SelectMany(run => text[run].EnumerateRunes()))
        {
            if (!parts.ContainsKey(rune))
            {
                parts[rune] = [.. rune.ToString().Normalize(decomposition).EnumerateRunes()];
            }
        }

        var ranks = Ranks(parts.Values.SelectMany(runes => runes).Distinct());
        var ordered = new StringBuilder(text.Length);
        var end = 0;
        foreach (var run in runs)
        {
            ordered.Append(text, end, run.Start.Value - end);
            AppendOrdered(ordered, text[run].EnumerateRunes().SelectMany(rune => parts[rune]), ranks);
            end = run.End.Value;
        }

        return ordered.Append(text, end, text.Length - end).ToString();
    }

    // Such a run covers one of the places that are looked at.
    private static List<Range> LongRuns(string text)
    {
        var runs = new List<Range>();
        for (var place = LongRun - 1; place < text.Length; place += LongRun)
        {
            if (!MayCombine(text, place))
            {
                continue;
            }

            var (start, end) = (place, place + 1);
            for (; start > 0 && MayCombine(text, start - 1); start--)
            {
            }

            for (; end < text.Length && MayCombine(text, end); end++)
            {
            }

            if (end - start >= LongRun)
            {
                runs.Add(start..end);
            }

            place = Math.Max(place, end - 1);
        }

        return runs;
    }

    private static bool MayCombine(string text, int place)
    {
        if (text[place] < '\u0300')
        {
            return false;
        }

        var first = char.IsLowSurrogate(text[place]) ? place - 1 : place;
        return CharUnicodeInfo.GetUnicodeCategory(text, first)
                is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
            || text[place] is '\uFF9E' or '\uFF9F'; // letters that become marks in compatibility forms
    }

    /// <summary>Numbers in the order of combining classes; characters that nothing moves across have none.</summary>
    private static Dictionary<Rune, int> Ranks(IEnumerable<Rune> runes)
    {
        var marks = runes.Where(rune => !IsStarter(rune)).Select(rune => rune.ToString()).ToList();
        marks.Sort((left, right) => Precedes(left, right) ? -1 : Precedes(right, left) ? 1 : 0);
        var ranks = new Dictionary<Rune, int>();
        var rank = 0;
        for (var n = 0; n < marks.Count; n++)
        {
            rank += n > 0 && Precedes(marks[n - 1], marks[n]) ? 1 : 0;
            ranks[Rune.GetRuneAt(marks[n], 0)] = rank;
        }

        return ranks;
    }

    private static bool IsStarter(Rune rune) => !Precedes(rune.ToString(), HighestClass) && !Precedes(LowestClass, rune.ToString());

    // Whether the left mark has a lower class, so that it goes before the right one.
    private static bool Precedes(string left, string right) => !(right + left).IsNormalized(NormalizationForm.FormD);

    private static void AppendOrdered(StringBuilder builder, IEnumerable<Rune> run, Dictionary<Rune, int> ranks)
    {
        var marks = new List<(Rune Rune, int Rank)>();
        foreach (var rune in run)
        {
            if (ranks.TryGetValue(rune, out var rank))
            {
                marks.Add((rune, rank));
                continue;
            }

            AppendMarks();
            builder.Append(rune);
        }

        AppendMarks();

        void AppendMarks()
        {
            foreach (var (rune, _) in marks.OrderBy(mark => mark.Rank)) // OrderBy keeps the order within a class
            {
                builder.Append(rune);
            }

            marks.Clear();
        }
    }
}
