using System.Text;
using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Cleans text as BERT's own tokenizer does: one kind of space, no control characters, optionally no case and accents.</summary>
/// <remarks>
/// Equal to the normalizer of Hugging Face tokenizers 0.23 for every code point but those that Unicode added or moved after the version of its
/// tables, mostly marks and punctuation of rare scripts, where .NET's newer tables decide. Between two letters the token ids of 618 code points
/// differ, words and their punctuation included.
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
        if (stripAccents)
        {
            UnicodeText.CheckNormalization();
        }

        _lowercase = lowercase;
        _stripAccents = stripAccents;
        _separateIdeographs = separateIdeographs;
    }

    /// <summary>This normalizer as a step of text cleaning.</summary>
    public TextCleaning Cleaning => new((string text) => Normalize(text), worksInParts: true);

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
        if (_stripAccents)
        {
            cleaned = UnicodeText.WithoutNonspacingMarks(UnicodeText.Normalize(cleaned, NormalizationForm.FormD));
        }

        return _lowercase ? UnicodeText.Lower(cleaned) : cleaned;
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
}
