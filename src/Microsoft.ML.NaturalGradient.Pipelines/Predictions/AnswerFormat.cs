using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Parts of texts: columns Answer and Score.</summary>
internal sealed class AnswerFormat : PredictionFormat
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> OutputNames { get; } = ["start", "end"];

    /// <inheritdoc/>
    public override LabelKind Kind => LabelKind.Answer;

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(TargetColumns columns, DataViewSchema input) =>
    [
        new(columns.PredictedLabel!, new VectorDataViewType(TextDataViewType.Instance), DataViewSchema.Annotations.Empty, AnswerGetter),
        new(columns.Score, new VectorDataViewType(NumberDataViewType.Single), ScoreAnnotations(input), ScoringOutput.ValuesGetter),
    ];

    // Those of ML.NET's own trainer, which has no kind for answers.
    private static DataViewSchema.Annotations ScoreAnnotations(DataViewSchema input) => ScoringOutput.ScoreAnnotations(
        input, AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification, AnnotationUtils.Const.ScoreValueKind.Score).ToAnnotations();

    private static ValueGetter<VBuffer<ReadOnlyMemory<char>>> AnswerGetter(Func<RowScores> scores) =>
        (ref value) => ScoringOutput.Fill<ReadOnlyMemory<char>>(ref value, [.. ((AnswerScores)scores()).Answers.Select(answer => answer.Text.AsMemory())]);
}
