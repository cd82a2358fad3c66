namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>One training row after tokenization.</summary>
/// <param name="Tokens">The encoded text or pair.</param>
/// <param name="Label">What it is labelled with.</param>
internal readonly record struct EncodedRow(TokenSequence Tokens, RowLabel Label);
