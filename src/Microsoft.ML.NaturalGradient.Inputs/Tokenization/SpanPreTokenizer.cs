using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A splitter of text into words that reads a text where it is.</summary>
internal abstract class SpanPreTokenizer : PreTokenizer
{
    /// <inheritdoc/>
    public sealed override IEnumerable<(int Offset, int Length)> PreTokenize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return PreTokenize(text.AsSpan());
    }
}
