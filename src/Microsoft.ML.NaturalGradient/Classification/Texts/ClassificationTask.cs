using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One of C classes of a text.</summary>
/// <param name="target">The classes.</param>
/// <param name="textToText">How a text-to-text model is asked; without effect for encoders, for which it must be empty.</param>
/// <param name="calibrates">Whether a temperature is chosen by the validation rows.</param>
internal sealed class ClassificationTask(ClassTarget target, TextToTextSettings textToText, bool calibrates = false) : TextTask
{
    /// <summary>A task that is only scored.</summary>
    /// <param name="scoring">What was saved.</param>
    public ClassificationTask(ClassificationScoring scoring)
        : this(new ClassTarget(scoring.Format), scoring.TextToText)
    {
    }

    /// <inheritdoc/>
    public override ClassTarget Target => target;

    /// <inheritdoc/>
    public override ClassificationScoring Scoring { get; } = new(target.Format, textToText);

    /// <inheritdoc/>
    public override bool WantsValidation => calibrates;

    /// <inheritdoc/>
    public override TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead)
    {
        if (checkpoint.AnswersWithText)
        {
            var network = checkpoint.TextToText;
            return new TextToTextClassifier(
                network, LabelWords.Encode(textToText.WordsFor(target.OutputNames), checkpoint.Tokenizer, network.Config), adapter, seed);
        }

        textToText.CheckUnused();
        return new TextClassifier(checkpoint.Encoder, target.OutputCount, adapter, seed, useHead ? checkpoint.HeadWeights : null);
    }

    /// <inheritdoc/>
    public override TextTask Calibrate(Tensor outputs, Tensor labels, Tensor? weights, Action<string> log, Action<string> warn)
    {
        var temperature = TemperatureScaling.Fit(outputs, labels, weights);
        if (temperature < TemperatureScaling.Lowest * (1 + 1e-6))
        {
            warn("No temperature fits the validation rows best: nearly all are predicted right, so that every lower one would be better. Probabilities stay as they are. Use more validation rows.");
            return this;
        }

        log(FormattableString.Invariant($"Probabilities are those of outputs divided by {temperature:F3}, which fits the validation rows best."));
        return new ClassificationTask(new ClassTarget(new ClassFormat(target.Labels, temperature, target.Format.ScoreThreshold)), textToText);
    }
}
