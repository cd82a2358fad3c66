namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A part of a text that answers a question.</summary>
/// <param name="Text">The part.</param>
/// <param name="Start">Where it begins, in UTF-16 units.</param>
/// <param name="Score">Its probability as the model sees it.</param>
internal readonly record struct FoundAnswer(string Text, int Start, float Score);
