using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A number: column Score.</summary>
internal sealed class NumberFormat : PredictionFormat
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> OutputNames => ["LABEL_0"];

    /// <inheritdoc/>
    public override LabelKind Kind => LabelKind.Number;

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(TargetColumns columns, DataViewSchema input)
    {
        var annotations = ScoringOutput.ScoreAnnotations(
            input, AnnotationUtils.Const.ScoreColumnKind.Regression, AnnotationUtils.Const.ScoreValueKind.Score).ToAnnotations();
        return [new(columns.Score, NumberDataViewType.Single, annotations, Getter)];

        static ValueGetter<float> Getter(Func<RowScores> scores) => (ref value) => value = scores().Values[0];
    }
}
