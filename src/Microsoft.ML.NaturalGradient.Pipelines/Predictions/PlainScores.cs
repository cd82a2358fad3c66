namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>The predictions of a row that are numbers and nothing else.</summary>
/// <param name="values">The predictions, [K].</param>
internal sealed class PlainScores(float[] values) : RowScores(values);
