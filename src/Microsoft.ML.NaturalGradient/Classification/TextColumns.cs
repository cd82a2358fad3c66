namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Names of the columns that a trained model reads and writes.</summary>
/// <param name="Label">The class, for evaluation; not read when scoring.</param>
/// <param name="Score">Output: probabilities.</param>
/// <param name="PredictedLabel">Output: the most probable class.</param>
/// <param name="Sentence1">The text.</param>
/// <param name="Sentence2">The second text of a pair; null for single texts.</param>
internal sealed record TextColumns(string Label, string Score, string PredictedLabel, string Sentence1, string? Sentence2)
{
    /// <summary>The columns that hold text.</summary>
    public IEnumerable<string> Sentences => Sentence2 is null ? [Sentence1] : [Sentence1, Sentence2];
}
