using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>The probabilities of the tags of a row's words.</summary>
/// <param name="values">Words by tags; NaN for words of no token.</param>
/// <param name="words">The words.</param>
internal sealed class TagScores(float[] values, IReadOnlyList<TextUnit> words) : RowScores(values)
{
    /// <summary>The words.</summary>
    public IReadOnlyList<TextUnit> Words { get; } = words;
}
