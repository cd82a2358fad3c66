namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A row as a threshold divides it from others.</summary>
/// <param name="Score">Its probability.</param>
/// <param name="IsTrue">Whether it has the class.</param>
/// <param name="Weight">How often it counts.</param>
internal readonly record struct RankedRow(float Score, bool IsTrue, double Weight);
