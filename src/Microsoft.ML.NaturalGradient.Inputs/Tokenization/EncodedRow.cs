namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>One training row after tokenization.</summary>
/// <param name="Tokens">The encoded text or pair.</param>
/// <param name="Label">Class index, from 0, or the number to predict.</param>
internal readonly record struct EncodedRow(TokenSequence Tokens, double Label);
