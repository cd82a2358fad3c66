using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned model that finds which of several classes texts have. Several threads may use it at once.</summary>
public sealed class MultiLabelClassificationModel : FineTunedModel
{
    internal MultiLabelClassificationModel(TextScorer scorer)
        : base(scorer)
    {
        Scorer = scorer;
    }

    /// <summary>Names of the classes; the order is that of the probabilities and of the label's keys.</summary>
    public IReadOnlyList<string> ClassNames => Format.OutputNames;

    /// <summary>The probability from which each class is predicted, in the order of <see cref="ClassNames"/>.</summary>
    public IReadOnlyList<float> Thresholds => Format.Thresholds;

    internal TextScorer Scorer { get; }

    private SeveralClassesFormat Format => (SeveralClassesFormat)Scorer.Task.Scoring.Format;

    /// <summary>Computes the probability of each class.</summary>
    /// <param name="texts">N texts.</param>
    /// <param name="pairs">The N second texts of pairs; null for single texts.</param>
    /// <returns>N arrays of C probabilities, each from 0 to 1.</returns>
    /// <exception cref="ArgumentException">There are not as many second texts as first ones.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<float[]> PredictProbabilities(IReadOnlyList<string> texts, IReadOnlyList<string>? pairs = null) => Scorer.Score(texts, pairs);

    /// <summary>Predicts the classes of texts.</summary>
    /// <param name="texts">N texts.</param>
    /// <param name="pairs">The N second texts of pairs; null for single texts.</param>
    /// <returns>For each text the names of the classes whose probability reaches their threshold.</returns>
    /// <exception cref="ArgumentException">There are not as many second texts as first ones.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<IReadOnlyList<string>> PredictClasses(IReadOnlyList<string> texts, IReadOnlyList<string>? pairs = null) =>
        [.. Scorer.Score(texts, pairs).Select(scores => Format.Predicted(scores).Select(index => ClassNames[index]).ToArray())];
}
