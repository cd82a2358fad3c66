using System.Globalization;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Unicode operations on text that several tokenizers share, equal to those of Hugging Face tokenizers.</summary>
internal static class UnicodeText
{
    private const char Unnormalizable = '\uFFFE';

    /// <summary>Checks that this process can compose and decompose letters.</summary>
    /// <exception cref="PlatformNotSupportedException">The runtime has no Unicode data.</exception>
    public static void CheckNormalization()
    {
        if ("\u00E9".Normalize(NormalizationForm.FormD).Length != 2)
        {
            // Without ICU Normalize returns its input: accented words would silently become unknown tokens.
            throw new PlatformNotSupportedException(
                "This process runs in globalization-invariant mode, in which .NET cannot take accents off letters, as this model's tokenizer must. "
                + "Install the ICU libraries (package icu-libs or libicu) and set DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=false.");
        }
    }

    /// <summary>A step that brings text into a Unicode normalization form.</summary>
    /// <exception cref="PlatformNotSupportedException">The runtime has no Unicode data.</exception>
    public static Func<string, string> Normalizer(NormalizationForm form)
    {
        CheckNormalization();
        return text => Normalize(text, form);
    }

    /// <summary>The text in a Unicode normalization form.</summary>
    /// <param name="text">Text without lone surrogates.</param>
    /// <param name="form">The form.</param>
    public static string Normalize(string text, NormalizationForm form)
    {
        if (Ascii.IsValid(text))
        {
            return text;
        }

        text = CombiningMarks.OrderLongRuns(text, form);

        // .NET refuses U+FFFE, a noncharacter that takes part in no composition.
        return text.Contains(Unnormalizable, StringComparison.Ordinal)
            ? string.Join(Unnormalizable, text.Split(Unnormalizable).Select(part => part.Normalize(form)))
            : text.Normalize(form);
    }

    /// <summary>Small letters, one by one, without regard to their neighbours.</summary>
    /// <remarks>The reference lowers İ to two characters; .NET's invariant culture leaves it as it is.</remarks>
    public static string Lower(string text) => text.ToLowerInvariant().Replace("\u0130", "i\u0307", StringComparison.Ordinal);

    /// <summary>The text without nonspacing marks.</summary>
    public static string WithoutNonspacingMarks(string text) => Without(text, category => category is UnicodeCategory.NonSpacingMark);

    /// <summary>The text without marks of any kind.</summary>
    public static string WithoutMarks(string text) => Without(
        text, category => category is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark);

    /// <summary>The text with U+FFFD in place of every lone half of a surrogate pair.</summary>
    public static string WithoutLoneSurrogates(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return text;
        }

        var builder = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            builder.Append(rune);
        }

        return builder.ToString();
    }

    private static string Without(string text, Func<UnicodeCategory, bool> drop)
    {
        if (Ascii.IsValid(text))
        {
            return text;
        }

        var builder = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (!drop(Rune.GetUnicodeCategory(rune)))
            {
                builder.Append(rune);
            }
        }

        return builder.ToString();
    }
}
