namespace Microsoft.ML.NaturalGradient;

/// <summary>A part of a text that answers a question.</summary>
/// <param name="Text">The part, as it stands in the text.</param>
/// <param name="Start">Where it begins, in UTF-16 units.</param>
/// <param name="Score">Its probability as the model sees it: that of its beginning times that of its end, from 0 to 1.</param>
public sealed record AnswerSpan(string Text, int Start, float Score);
