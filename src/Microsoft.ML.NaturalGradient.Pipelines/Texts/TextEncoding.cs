using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>How texts become tokens.</summary>
/// <param name="Tokenizer">The tokenizer for rows.</param>
/// <param name="MaxTokens">Most tokens of a sequence.</param>
internal sealed record TextEncoding(ITextTokenizer Tokenizer, int MaxTokens);
