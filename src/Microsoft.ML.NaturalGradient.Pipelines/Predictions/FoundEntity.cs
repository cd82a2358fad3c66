namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Where a name stands.</summary>
/// <param name="Start">Where it begins in the text, in UTF-16 units.</param>
/// <param name="Length">Its length.</param>
/// <param name="Type">Its type.</param>
/// <param name="Score">The product of the probabilities of its words' tags.</param>
internal readonly record struct FoundEntity(int Start, int Length, string Type, float Score);
