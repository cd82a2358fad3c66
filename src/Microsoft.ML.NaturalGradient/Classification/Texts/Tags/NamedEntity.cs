namespace Microsoft.ML.NaturalGradient;

/// <summary>A name that was found in a text.</summary>
/// <param name="Text">The name, as it stands in the text.</param>
/// <param name="Start">Where it begins, in UTF-16 units.</param>
/// <param name="Type">Its type: the predicted tag of its words without B-, I- and the like.</param>
/// <param name="Score">The product of the probabilities of its words' tags, from 0 to 1.</param>
public sealed record NamedEntity(string Text, int Start, string Type, float Score);
