using System.Globalization;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Divides texts into parts whose places are known.</summary>
internal static class TextUnits
{
    private enum Kind
    {
        Space,
        Word,
        Single,
        Symbols,
    }

    /// <summary>The words of a text: what stands between white space.</summary>
    public static IReadOnlyList<TextUnit> Words(string text) => Divide(text, rune => Rune.IsWhiteSpace(rune) ? Kind.Space : Kind.Word);

    /// <summary>The parts of a text at which an answer may begin or end: letters and digits in a row, other characters alone or in a row.</summary>
    /// <remarks>
    /// Combining marks belong to what stands before them. Ideographs and punctuation are parts of their own, as in BERT's tokenizer, so that tokens are those of the whole text there.
    /// </remarks>
    public static IReadOnlyList<TextUnit> Parts(string text) => Divide(text, KindOf);

    private static Kind KindOf(Rune rune)
    {
        if (Rune.IsWhiteSpace(rune))
        {
            return Kind.Space;
        }

        if (BertCharacters.IsIdeograph(rune) || BertCharacters.IsPunctuation(rune))
        {
            return Kind.Single;
        }

        return Rune.GetUnicodeCategory(rune) is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
            or UnicodeCategory.OtherNumber or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.Format or UnicodeCategory.Control
            ? Kind.Word
            : Kind.Symbols;
    }

    private static List<TextUnit> Divide(string text, Func<Rune, Kind> kindOf)
    {
        var units = new List<TextUnit>();
        var (start, kind, followsSpace) = (0, Kind.Space, true);
        for (var position = 0; position < text.Length;)
        {
            _ = Rune.DecodeFromUtf16(text.AsSpan(position), out var rune, out var length);
            var next = kindOf(rune);
            if (next != kind || next == Kind.Single)
            {
                Close(position);
                (start, kind) = (position, next);
            }

            position += length;
        }

        Close(text.Length);
        return units;

        void Close(int end)
        {
            if (kind != Kind.Space)
            {
                units.Add(new TextUnit(text[start..end], start, followsSpace));
            }

            followsSpace = kind == Kind.Space && end > 0;
        }
    }
}
