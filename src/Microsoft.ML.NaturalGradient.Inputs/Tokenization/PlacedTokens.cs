namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A sequence, with the places of its texts.</summary>
/// <param name="Tokens">The sequence.</param>
/// <param name="FirstStart">Where the first text begins.</param>
/// <param name="SecondStart">Where the second text begins; the end of the sequence where there is none.</param>
internal readonly record struct PlacedTokens(TokenSequence Tokens, int FirstStart, int SecondStart);
