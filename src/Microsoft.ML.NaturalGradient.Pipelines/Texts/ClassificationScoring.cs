using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>One of C classes of a text.</summary>
/// <param name="format">The classes.</param>
/// <param name="textToText">How a text-to-text model is asked; nothing for encoders.</param>
internal sealed class ClassificationScoring(ClassFormat format, TextToTextSettings textToText) : TextScoring
{
    /// <inheritdoc/>
    public override ClassFormat Format => format;

    /// <summary>How a text-to-text model is asked.</summary>
    public TextToTextSettings TextToText => textToText;

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="host">The host.</param>
    /// <param name="reader">The model stream.</param>
    /// <param name="isPlain">Whether it was written before there were temperatures and thresholds.</param>
    public static ClassificationScoring Load(IHost host, BinaryReader reader, bool isPlain)
    {
        var (labels, textToText) = (ClassLabels.Load(host, reader), TextToTextSettings.Load(reader));
        return isPlain
            ? new(new ClassFormat(labels), textToText)
            : new(new ClassFormat(labels, SavedNumber.Positive("temperature", reader.ReadDouble()), SavedNumber.Probability("threshold", reader.ReadSingle())), textToText);
    }

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
        format.Labels.Save(host, writer);
        textToText.Save(writer);
        writer.Write(format.Temperature);
        writer.Write(format.ScoreThreshold);
    }

    /// <inheritdoc/>
    public override ITextTokenizer RowTokenizer(ITextTokenizer own, bool answersWithText, TextColumns columns) =>
        answersWithText ? new PromptTokenizer(own, textToText.PromptFor(columns.Sentence2 is not null)) : own;
}
