using Microsoft.ML.NaturalGradient.Classification;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned model that predicts a number for a pair of texts. Several threads may use it at once.</summary>
public sealed class SentenceSimilarityModel : FineTunedModel
{
    internal SentenceSimilarityModel(TextScorer scorer)
        : base(scorer)
    {
        Scorer = scorer;
    }

    internal TextScorer Scorer { get; }

    /// <summary>Predicts the similarity of pairs of texts.</summary>
    /// <param name="first">N texts.</param>
    /// <param name="second">The N texts that they are compared with.</param>
    /// <returns>N numbers, in the unit of the training labels.</returns>
    /// <exception cref="ArgumentException">There are not as many second texts as first ones.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<float> PredictSimilarities(IReadOnlyList<string> first, IReadOnlyList<string> second)
    {
        ArgumentNullException.ThrowIfNull(second);
        return [.. Scorer.Score(first, second).Select(row => row[0])];
    }
}
