using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One of C classes of a text.</summary>
/// <param name="target">The classes.</param>
/// <param name="textToText">How a text-to-text model is asked; without effect for encoders, for which it must be empty.</param>
/// <param name="calibrates">Whether a temperature is chosen by the validation rows.</param>
internal sealed class ClassificationTask(ClassTarget target, TextToTextSettings textToText, bool calibrates = false) : TextTask
{
    /// <inheritdoc/>
    public override ClassTarget Target => target;

    /// <inheritdoc/>
    public override bool WantsValidation => calibrates;

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="host">The host.</param>
    /// <param name="reader">The model stream.</param>
    /// <param name="isPlain">Whether it was written before there were temperatures and thresholds.</param>
    public static ClassificationTask Load(IHost host, BinaryReader reader, bool isPlain)
    {
        var (labels, textToText) = (ClassLabels.Load(host, reader), TextToTextSettings.Load(reader));
        return isPlain
            ? new(new ClassTarget(labels), textToText)
            : new(new ClassTarget(labels, SavedNumber.Positive("temperature", reader.ReadDouble()), SavedNumber.Probability("threshold", reader.ReadSingle())), textToText);
    }

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
        target.Labels.Save(host, writer);
        textToText.Save(writer);
        writer.Write(target.Temperature);
        writer.Write(target.ScoreThreshold);
    }

    /// <inheritdoc/>
    public override TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead)
    {
        if (IsTextToText(checkpoint))
        {
            var network = checkpoint.TextToText;
            return new TextToTextClassifier(
                network, LabelWords.Encode(textToText.WordsFor(target.OutputNames), checkpoint.Tokenizer, network.Config), adapter, seed);
        }

        textToText.CheckUnused();
        return new TextClassifier(checkpoint.Encoder, target.OutputCount, adapter, seed, useHead ? checkpoint.HeadWeights : null);
    }

    /// <inheritdoc/>
    public override ITextTokenizer RowTokenizer(TextCheckpoint checkpoint, TextColumns columns) => IsTextToText(checkpoint)
        ? new PromptTokenizer(checkpoint.Tokenizer, textToText.PromptFor(columns.Sentence2 is not null))
        : checkpoint.Tokenizer;

    /// <inheritdoc/>
    public override TextTask Calibrate(Tensor outputs, Tensor labels, Tensor? weights, Action<string> log)
    {
        var temperature = TemperatureScaling.Fit(outputs, labels, weights);
        log(FormattableString.Invariant($"Probabilities are those of outputs divided by {temperature:F3}, which fits the validation rows best."));
        return new ClassificationTask(new ClassTarget(target.Labels, temperature, target.ScoreThreshold), textToText);
    }

    private static bool IsTextToText(TextCheckpoint checkpoint) => checkpoint.Network.Architecture.Kind == ArchitectureKind.TextToText;
}
