namespace Microsoft.ML;

/// <summary>A picture that cannot be read.</summary>
/// <param name="ImagePath">Full path.</param>
/// <param name="Label">The class whose folder it is in.</param>
/// <param name="Problem">What is wrong with it, and what to do.</param>
public sealed record UnreadableImage(string ImagePath, string Label, string Problem);
