using Microsoft.ML.NaturalGradient.Classification;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned model that predicts a number for a text or a pair of texts. Several threads may use it at once.</summary>
public sealed class TextRegressionModel : FineTunedModel
{
    internal TextRegressionModel(TextScorer scorer)
        : base(scorer)
    {
        Scorer = scorer;
    }

    internal TextScorer Scorer { get; }

    /// <summary>Predicts numbers.</summary>
    /// <param name="texts">N texts.</param>
    /// <param name="pairs">The N second texts of pairs; null for single texts.</param>
    /// <returns>N numbers, in the unit of the training labels.</returns>
    /// <exception cref="ArgumentException">There are not as many second texts as first ones.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<float> PredictNumbers(IReadOnlyList<string> texts, IReadOnlyList<string>? pairs = null) =>
        [.. Scorer.Score(texts, pairs).Select(row => row[0])];
}
