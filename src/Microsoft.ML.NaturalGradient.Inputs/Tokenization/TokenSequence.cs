namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>One encoded text or text pair, special tokens included, not padded.</summary>
/// <param name="Ids">Token ids, [T].</param>
/// <param name="TypeIds">Segment of each token (0 first text, 1 second), [T]; <see langword="null"/> when all are 0.</param>
/// <param name="Truncated">Whether tokens were cut off to fit the length limit.</param>
internal readonly record struct TokenSequence(int[] Ids, int[]? TypeIds, bool Truncated);
