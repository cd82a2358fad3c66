using System.Buffers;
using System.Globalization;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Evaluation;

/// <summary>Compares answers as SQuAD does.</summary>
internal static class AnswerText
{
    private static readonly SearchValues<char> Punctuation = SearchValues.Create("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");

    /// <summary>Words of an answer: lower case, without ASCII punctuation, articles and white space.</summary>
    /// <remarks>
    /// The order is that of the official script: punctuation goes first, so that "the-end" is one word, and "a.m." is "am". An article is a whole run of letters and digits.
    /// Lower case is that of single characters, whatever the culture; Python's rules for two of them (the last sigma of a Greek word, the Turkish capital İ) are left out.
    /// </remarks>
    /// <param name="text">The answer.</param>
    public static string[] Words(string text)
    {
        var kept = string.Concat(text.ToLowerInvariant().Where(letter => !Punctuation.Contains(letter)).Select(letter => IsSpace(letter) ? ' ' : letter));
        var (rest, place) = (new StringBuilder(kept.Length), 0);
        while (place < kept.Length)
        {
            var end = EndOfRun(kept, place);
            var run = kept.AsSpan(place, end - place);
            rest.Append(run is "a" or "an" or "the" ? " " : run);
            place = end;
        }

        return rest.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>F1 of the words of two answers, each as often as it occurs.</summary>
    /// <remarks>m words in common: precision m / |predicted|, recall m / |reference|. Without words on one side 1 if there are none on the other either, else 0, as SQuAD 2.0 has it.</remarks>
    /// <param name="reference">Words of the reference.</param>
    /// <param name="predicted">Words of the prediction.</param>
    public static double F1(IReadOnlyList<string> reference, IReadOnlyList<string> predicted)
    {
        if (reference.Count == 0 || predicted.Count == 0)
        {
            return reference.Count == predicted.Count ? 1 : 0;
        }

        var left = reference.CountBy(word => word, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        var common = 0;
        foreach (var word in predicted)
        {
            if (left.TryGetValue(word, out var count) && count > 0)
            {
                left[word] = count - 1;
                common++;
            }
        }

        return 2.0 * common / (reference.Count + predicted.Count);
    }

    // The end of the letters and digits that begin here; one character further where there are none.
    private static int EndOfRun(string text, int start)
    {
        var place = start;
        while (place < text.Length)
        {
            Rune.DecodeFromUtf16(text.AsSpan(place), out var rune, out var length);
            if (!IsOfWord(rune))
            {
                return place == start ? place + length : place;
            }

            place += length;
        }

        return place;
    }

    // What Python's regular expressions take for a part of a word; the underscore is gone by now.
    private static bool IsOfWord(Rune rune) =>
        Rune.IsLetter(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    // Python's white space: .NET's and four separators among the control characters.
    private static bool IsSpace(char letter) => char.IsWhiteSpace(letter) || letter is >= '\u001c' and <= '\u001f';
}
