using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>The parts of a text that answer a question.</summary>
/// <param name="search">How answers are looked for.</param>
internal sealed class AnswerScoring(AnswerSearch search) : TextScoring
{
    /// <inheritdoc/>
    public override AnswerFormat Format { get; } = new();

    /// <summary>How answers are looked for.</summary>
    public AnswerSearch Search => search;

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="reader">The model stream.</param>
    public static AnswerScoring Load(BinaryReader reader) => new(new AnswerSearch(
        (int)SavedNumber.Check("number of answers", reader.ReadInt32(), 1, int.MaxValue), (int)SavedNumber.Check("longest answer", reader.ReadInt32(), 1, int.MaxValue)));

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
        writer.Write(search.Count);
        writer.Write(search.MostTokens);
    }

    /// <inheritdoc/>
    public override Func<TextExample> OpenRow(DataViewRow row, TextColumns columns, TextEncoding encoding)
    {
        var texts = new TextGetters(row, columns);
        return () =>
        {
            var (question, context) = texts.Read();
            return new QuestionedText(question, context!, encoding, search);
        };
    }
}
