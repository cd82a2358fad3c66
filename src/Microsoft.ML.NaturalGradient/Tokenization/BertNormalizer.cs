using System.Globalization;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Cleans text as BERT's own tokenizer does: one kind of space, no control characters, optionally no case and accents.</summary>
/// <remarks>
/// Equal to the normalizer of Hugging Face tokenizers 0.23 for every code point but some 500 that Unicode added or moved after
/// the version of its tables (mostly marks of rare scripts), where .NET's newer tables decide.
/// </remarks>
internal sealed class BertNormalizer : Normalizer
{
    private readonly bool _lowercase;
    private readonly bool _stripAccents;
    private readonly bool _separateIdeographs;

    /// <summary>Chooses the steps.</summary>
    /// <param name="lowercase">Whether letters become small.</param>
    /// <param name="stripAccents">Whether accents are taken off (canonical decomposition, then no nonspacing marks).</param>
    /// <param name="separateIdeographs">Whether Chinese ideographs get a space on both sides.</param>
    /// <exception cref="PlatformNotSupportedException">Accents cannot be taken off because the runtime has no Unicode data.</exception>
    public BertNormalizer(bool lowercase, bool stripAccents, bool separateIdeographs)
    {
        if (stripAccents && "\u00E9".Normalize(NormalizationForm.FormD).Length != 2)
        {
            // Without ICU Normalize returns its input: accented words would silently become unknown tokens.
            throw new PlatformNotSupportedException(
                "This process runs in globalization-invariant mode, in which .NET cannot take accents off letters, as this model's tokenizer must. "
                + "Install the ICU libraries (package icu-libs or libicu) and set DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=false.");
        }

        _lowercase = lowercase;
        _stripAccents = stripAccents;
        _separateIdeographs = separateIdeographs;
    }

    /// <inheritdoc/>
    public override string Normalize(string original)
    {
        ArgumentNullException.ThrowIfNull(original);
        return Normalize(original.AsSpan());
    }

    /// <inheritdoc/>
    public override string Normalize(ReadOnlySpan<char> original)
    {
        var cleaned = Clean(original);
        if (_stripAccents && !Ascii.IsValid(cleaned))
        {
            cleaned = StripAccents(cleaned);
        }

        return _lowercase ? Lower(cleaned) : cleaned;
    }

    private string Clean(ReadOnlySpan<char> text)
    {
        var builder = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) // lone surrogates come as U+FFFD and are dropped
        {
            if (BertCharacters.IsDropped(rune))
            {
                continue;
            }

            if (Rune.IsWhiteSpace(rune))
            {
                builder.Append(' ');
            }
            else if (_separateIdeographs && BertCharacters.IsIdeograph(rune))
            {
                builder.Append(' ').Append(rune).Append(' ');
            }
            else
            {
                builder.Append(rune);
            }
        }

        return builder.ToString();
    }

    private static string StripAccents(string text)
    {
        // .NET refuses U+FFFE; U+FFFF, a noncharacter of the same class that it accepts, stands in.
        var decomposed = text.Replace('\uFFFE', '\uFFFF').Normalize(NormalizationForm.FormD);
        var builder = new StringBuilder(decomposed.Length);
        foreach (var rune in decomposed.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) != UnicodeCategory.NonSpacingMark)
            {
                builder.Append(rune);
            }
        }

        return builder.ToString();
    }

    // The reference lowers İ to two characters; .NET's invariant culture leaves it as it is.
    private static string Lower(string text) => text.ToLowerInvariant().Replace("\u0130", "i\u0307", StringComparison.Ordinal);
}
