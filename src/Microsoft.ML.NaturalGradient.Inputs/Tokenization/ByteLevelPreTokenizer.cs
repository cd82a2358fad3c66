using System.Globalization;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Splits text into words as GPT-2 does: a word takes one space before it; English contractions, numbers and symbols are words.</summary>
/// <remarks>
/// The expression <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c> by code points. .NET's regular
/// expressions go by UTF-16 units and take letters beyond U+FFFF for symbols. Source: Radford et al., Language models are unsupervised
/// multitask learners, 2019, and its code.
/// </remarks>
internal sealed class ByteLevelPreTokenizer : SpanPreTokenizer
{
    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Symbol,
    }

    /// <inheritdoc/>
    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text)
    {
        var words = new List<(int Offset, int Length)>();
        for (var start = 0; start < text.Length;)
        {
            var length = WordLength(text[start..]);
            words.Add((start, length));
            start += length;
        }

        return words;
    }

    private static int WordLength(ReadOnlySpan<char> text)
    {
        foreach (var contraction in Contractions)
        {
            if (text.StartsWith(contraction, StringComparison.Ordinal))
            {
                return contraction.Length;
            }
        }

        var start = text[0] == ' ' && text.Length > 1 ? 1 : 0;
        var kind = KindAt(text[start..], out _);
        if (kind != Kind.Space)
        {
            return start + RunLength(text[start..], kind);
        }

        // White space; the last of several is left to the word after it.
        var spaces = RunLength(text, Kind.Space);
        return spaces > 1 && spaces < text.Length ? spaces - 1 : spaces;
    }

    private static int RunLength(ReadOnlySpan<char> text, Kind kind)
    {
        var end = 0;
        while (end < text.Length && KindAt(text[end..], out var length) == kind)
        {
            end += length;
        }

        return end;
    }

    private static Kind KindAt(ReadOnlySpan<char> text, out int length)
    {
        _ = Rune.DecodeFromUtf16(text, out var rune, out length);
        if (Rune.IsWhiteSpace(rune))
        {
            return Kind.Space;
        }

        return Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
            _ => Kind.Symbol,
        };
    }
}
