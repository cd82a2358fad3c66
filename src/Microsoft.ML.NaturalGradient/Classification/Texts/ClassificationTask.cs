using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One of C classes of a text.</summary>
/// <param name="labels">The classes.</param>
/// <param name="textToText">How a text-to-text model is asked; without effect for encoders, for which it must be empty.</param>
internal sealed class ClassificationTask(ClassLabels labels, TextToTextSettings textToText) : TextTask
{
    /// <inheritdoc/>
    public override PredictionTarget Target { get; } = new ClassTarget(labels);

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
        labels.Save(host, writer);
        textToText.Save(writer);
    }

    /// <inheritdoc/>
    public override TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead)
    {
        if (IsTextToText(checkpoint))
        {
            var network = checkpoint.TextToText;
            return new TextToTextClassifier(
                network, LabelWords.Encode(textToText.WordsFor(labels.Names), checkpoint.Tokenizer, network.Config), adapter, seed);
        }

        textToText.CheckUnused();
        return new TextClassifier(checkpoint.Encoder, Target.OutputCount, adapter, seed, useHead ? checkpoint.HeadWeights : null);
    }

    /// <inheritdoc/>
    public override ITextTokenizer RowTokenizer(TextCheckpoint checkpoint, TextColumns columns) => IsTextToText(checkpoint)
        ? new PromptTokenizer(checkpoint.Tokenizer, textToText.PromptFor(columns.Sentence2 is not null))
        : checkpoint.Tokenizer;

    private static bool IsTextToText(TextCheckpoint checkpoint) => checkpoint.Network.Architecture.Kind == ArchitectureKind.TextToText;
}
