using Microsoft.ML.NaturalGradient.Classification;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned text classifier. Several threads may use it at once.</summary>
public sealed class TextClassificationModel : FineTunedModel
{
    internal TextClassificationModel(TextScorer scorer)
        : base(scorer)
    {
        Scorer = scorer;
    }

    /// <summary>Names of the classes; the order is that of the probabilities and of the label's keys.</summary>
    public IReadOnlyList<string> ClassNames => Scorer.Model.Target.OutputNames;

    /// <summary>What outputs are divided by before they become probabilities; 1 unless the trainer was told to calibrate.</summary>
    public double Temperature => ((ClassTarget)Scorer.Model.Target).Format.Temperature;

    internal TextScorer Scorer { get; }

    /// <summary>Computes the probability of each class.</summary>
    /// <param name="texts">N texts.</param>
    /// <param name="pairs">The N second texts of pairs; null for single texts.</param>
    /// <returns>N arrays of C probabilities, which sum to 1.</returns>
    /// <exception cref="ArgumentException">There are not as many second texts as first ones.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<float[]> PredictProbabilities(IReadOnlyList<string> texts, IReadOnlyList<string>? pairs = null) =>
        Scorer.Score(texts, pairs);
}
