using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Any number of C classes: columns PredictedLabels and Score.</summary>
/// <param name="labels">The classes.</param>
/// <param name="thresholds">The probability from which each class is predicted, [C].</param>
internal sealed class SeveralClassesFormat(ClassLabels labels, IReadOnlyList<float> thresholds) : PredictionFormat
{
    /// <summary>The classes.</summary>
    public ClassLabels Labels { get; } = labels;

    /// <summary>The probability from which each class is predicted, [C].</summary>
    public IReadOnlyList<float> Thresholds { get; } = thresholds;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OutputNames => Labels.Names;

    /// <inheritdoc/>
    public override LabelKind Kind => LabelKind.Classes;

    /// <summary>One threshold for all classes.</summary>
    /// <param name="labels">The classes.</param>
    /// <param name="threshold">The threshold.</param>
    public static SeveralClassesFormat Of(ClassLabels labels, float threshold) => new(labels, [.. labels.Names.Select(_ => threshold)]);

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(TargetColumns columns, DataViewSchema input) =>
    [
        new(columns.PredictedLabel!, new VectorDataViewType(new KeyDataViewType(typeof(uint), Labels.Count)), ScoringOutput.LabelAnnotations(input, Labels), KeyGetter),
        new(columns.Score, new VectorDataViewType(NumberDataViewType.Single, Labels.Count), ScoringOutput.ClassAnnotations(input, Labels), ScoringOutput.ValuesGetter),
    ];

    /// <summary>The classes that are predicted, as indices.</summary>
    /// <param name="scores">Probabilities, [C].</param>
    public IEnumerable<int> Predicted(float[] scores) => Enumerable.Range(0, scores.Length).Where(i => scores[i] >= Thresholds[i]);

    private ValueGetter<VBuffer<uint>> KeyGetter(Func<RowScores> scores) =>
        (ref value) => ScoringOutput.Fill<uint>(ref value, [.. Predicted(scores().Values).Select(index => (uint)index + 1)]);
}
