namespace WebApiSample;

/// <summary>A class and its probability.</summary>
/// <param name="Name">Name of the class.</param>
/// <param name="Probability">From 0 to 1.</param>
public sealed record ClassProbability(string Name, float Probability);
