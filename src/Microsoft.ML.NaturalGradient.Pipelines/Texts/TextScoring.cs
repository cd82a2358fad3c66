using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>What is predicted of a text, as far as scoring knows it: how rows are read, and which columns come out.</summary>
internal abstract class TextScoring
{
    /// <summary>What the predictions are.</summary>
    public abstract PredictionFormat Format { get; }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="kind">What labels are.</param>
    /// <param name="host">The host.</param>
    /// <param name="reader">The model stream.</param>
    /// <param name="isPlain">Whether it was written before there were temperatures and thresholds of classes.</param>
    /// <exception cref="InvalidDataException">A number is one that no trainer takes.</exception>
    public static TextScoring Load(LabelKind kind, IHost host, BinaryReader reader, bool isPlain = false) =>
        kind == LabelKind.Class ? ClassificationScoring.Load(host, reader, isPlain)
        : kind == LabelKind.Classes ? SeveralClassesScoring.Load(host, reader)
        : kind == LabelKind.Tags ? TagScoring.Load(host, reader)
        : kind == LabelKind.Answer ? AnswerScoring.Load(reader)
        : new NumberScoring();

    /// <summary>Writes what is needed to read it again.</summary>
    /// <param name="host">The host.</param>
    /// <param name="writer">The model stream.</param>
    public abstract void Save(IHost host, BinaryWriter writer);

    /// <summary>The tokenizer for rows: the model's own, unless rows are put into a prompt.</summary>
    /// <param name="own">The model's own.</param>
    /// <param name="answersWithText">Whether the model is one that answers with text.</param>
    /// <param name="columns">The columns of rows.</param>
    public virtual ITextTokenizer RowTokenizer(ITextTokenizer own, bool answersWithText, TextColumns columns) => own;

    /// <summary>Prepares reading rows: each as one sequence, unless overridden.</summary>
    /// <param name="row">The row or cursor, with the text columns active.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="encoding">How texts become tokens.</param>
    /// <returns>Reads the current row.</returns>
    public virtual Func<TextExample> OpenRow(DataViewRow row, TextColumns columns, TextEncoding encoding) => WholeText.Reader(row, columns, encoding);

    /// <summary>The columns that scoring adds.</summary>
    /// <param name="columns">Their names.</param>
    /// <param name="input">Schema of the rows they are added to.</param>
    public virtual IReadOnlyList<ScoringOutput> Outputs(TargetColumns columns, DataViewSchema input) => Format.Outputs(columns, input);
}
