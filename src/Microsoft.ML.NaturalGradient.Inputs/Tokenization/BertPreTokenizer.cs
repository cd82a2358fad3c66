using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Splits cleaned text into words at spaces and punctuation; a punctuation character is a word of its own.</summary>
internal sealed class BertPreTokenizer : SpanPreTokenizer
{
    /// <inheritdoc/>
    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text)
    {
        var words = new List<(int Offset, int Length)>();
        var wordStart = 0;
        var position = 0;
        while (position < text.Length)
        {
            _ = Rune.DecodeFromUtf16(text[position..], out var rune, out var length);
            var isPunctuation = BertCharacters.IsPunctuation(rune);
            if (isPunctuation || Rune.IsWhiteSpace(rune))
            {
                AddWord(wordStart, position);
                if (isPunctuation)
                {
                    words.Add((position, length));
                }

                wordStart = position + length;
            }

            position += length;
        }

        AddWord(wordStart, text.Length);
        return words;

        void AddWord(int start, int end)
        {
            if (end > start)
            {
                words.Add((start, end - start));
            }
        }
    }
}
