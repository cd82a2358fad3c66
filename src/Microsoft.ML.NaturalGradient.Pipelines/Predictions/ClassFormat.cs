using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>One of C classes: columns PredictedLabel and Score.</summary>
/// <param name="labels">The classes.</param>
/// <param name="temperature">What outputs are divided by before they become probabilities, greater than zero.</param>
/// <param name="scoreThreshold">The probability that a class needs to be predicted; where none has it, nothing is.</param>
internal sealed class ClassFormat(ClassLabels labels, double temperature = 1, float scoreThreshold = 0) : PredictionFormat
{
    /// <summary>The classes.</summary>
    public ClassLabels Labels { get; } = labels;

    /// <summary>What outputs are divided by before they become probabilities.</summary>
    public double Temperature => temperature;

    /// <summary>The probability that a class needs to be predicted.</summary>
    public float ScoreThreshold => scoreThreshold;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OutputNames => Labels.Names;

    /// <inheritdoc/>
    public override LabelKind Kind => LabelKind.Class;

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(TargetColumns columns, DataViewSchema input) =>
    [
        new(columns.PredictedLabel!, new KeyDataViewType(typeof(uint), Labels.Count), ScoringOutput.LabelAnnotations(input, Labels), LargestGetter),
        new(columns.Score, new VectorDataViewType(NumberDataViewType.Single, Labels.Count), ScoringOutput.ClassAnnotations(input, Labels), ScoringOutput.ValuesGetter),
    ];

    private ValueGetter<uint> LargestGetter(Func<RowScores> scores) => (ref value) =>
    {
        var row = scores().Values;
        var largest = row.Max();
        value = float.IsNaN(row[0]) || largest < scoreThreshold ? 0 : (uint)Array.IndexOf(row, largest) + 1; // a row that could not be read has no prediction
    };
}
