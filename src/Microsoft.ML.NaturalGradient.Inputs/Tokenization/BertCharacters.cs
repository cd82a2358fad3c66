using System.Globalization;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>The character classes that BERT's text cleaning tells apart.</summary>
internal static class BertCharacters
{
    /// <summary>Whether cleaning drops the character: control, format and private-use characters and U+FFFD.</summary>
    /// <remarks>Tab, line feed and carriage return are control characters that stay, as spaces.</remarks>
    public static bool IsDropped(Rune rune)
    {
        if (rune.Value is '\t' or '\n' or '\r')
        {
            return false;
        }

        return rune == Rune.ReplacementChar
            || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse;
    }

    /// <summary>Whether the character ends a word and is a token of its own.</summary>
    /// <remarks>Every ASCII symbol counts, although Unicode puts some (<c>$ + &lt; = &gt; ^ ` | ~</c>) among the symbols.</remarks>
    public static bool IsPunctuation(Rune rune)
    {
        if (rune.IsAscii)
        {
            return rune.Value is > ' ' and < 0x7F && !Rune.IsLetterOrDigit(rune);
        }

        return Rune.IsPunctuation(rune);
    }

    /// <summary>Whether the character is a Chinese ideograph, which becomes a word of its own.</summary>
    public static bool IsIdeograph(Rune rune) => rune.Value switch
    {
        < 0x3400 => false,
        <= 0x4DBF => true, // extension A
        >= 0x4E00 and <= 0x9FFF => true, // unified ideographs
        >= 0xF900 and <= 0xFAFF => true, // compatibility ideographs
        >= 0x20000 and <= 0x2A6DF => true, // extension B
        >= 0x2A700 and <= 0x2B81F => true, // extensions C and D
        >= 0x2B920 and <= 0x2CEAF => true, // extension E, from where the reference starts it
        >= 0x2F800 and <= 0x2FA1F => true, // compatibility supplement
        _ => false,
    };
}
