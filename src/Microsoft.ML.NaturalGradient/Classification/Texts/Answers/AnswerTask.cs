using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The part of a text that answers a question.</summary>
/// <param name="target">The answers.</param>
/// <param name="settings">How many are looked for.</param>
internal sealed class AnswerTask(SpanTarget target, AnswerSearch settings) : TokenTask(HeadKind.Spans)
{
    /// <inheritdoc/>
    public override SpanTarget Target => target;

    /// <summary>How answers are looked for.</summary>
    public AnswerSearch Search => settings;

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    public static AnswerTask Load(BinaryReader reader) => new(new SpanTarget(), new AnswerSearch(
        (int)SavedNumber.Check("number of answers", reader.ReadInt32(), 1, int.MaxValue), (int)SavedNumber.Check("longest answer", reader.ReadInt32(), 1, int.MaxValue)));

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
        writer.Write(settings.Count);
        writer.Write(settings.MostTokens);
    }

    /// <inheritdoc/>
    public override TextTask FitTo(IReadOnlyCollection<RowLabel> labels) => new AnswerTask(target.For(labels), settings);

    /// <inheritdoc/>
    public override Func<TextExample> OpenRow(DataViewRow row, TextColumns columns, TextEncoding encoding)
    {
        var texts = new TextGetters(row, columns);
        return () =>
        {
            var (question, context) = texts.Read();
            return new QuestionedText(question, context!, encoding, settings);
        };
    }
}
