using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>How texts become tokens.</summary>
/// <param name="Tokenizer">The tokenizer for rows.</param>
/// <param name="MaxTokens">Most tokens of a sequence.</param>
internal sealed record TextEncoding(ITextTokenizer Tokenizer, int MaxTokens)
{
    /// <summary>Whether a row is a pair of texts; not of a question and its text, which always are two.</summary>
    public bool ReadsPairs { get; init; }
}
