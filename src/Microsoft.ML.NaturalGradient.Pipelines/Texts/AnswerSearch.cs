namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>How answers are looked for.</summary>
/// <param name="Count">How many are given at most.</param>
/// <param name="MostTokens">Most tokens of an answer.</param>
internal sealed record AnswerSearch(int Count, int MostTokens);
