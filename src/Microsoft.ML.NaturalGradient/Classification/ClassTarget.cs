using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One of C classes: softmax cross-entropy; columns PredictedLabel and Score.</summary>
/// <param name="labels">The classes.</param>
/// <param name="temperature">What outputs are divided by before they become probabilities, greater than zero.</param>
/// <param name="scoreThreshold">The probability that a class needs to be predicted; where none has it, nothing is.</param>
internal sealed class ClassTarget(ClassLabels labels, double temperature = 1, float scoreThreshold = 0) : PredictionTarget
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
    public override IObjective Objective { get; } = new SoftmaxCrossEntropy();

    /// <inheritdoc/>
    public override string TextModelTitle => "Text classifier";

    /// <inheritdoc/>
    public override (string Name, string Call) PythonPredictions => ("probabilities", temperature == 1 ? ".softmax(-1)" : FormattableString.Invariant($".div({temperature:R}).softmax(-1)"));

    /// <inheritdoc/>
    public override double GuessLoss => Math.Log(OutputCount);

    /// <inheritdoc/>
    public override LabelFormat LabelFormat => LabelFormat.Class;

    /// <inheritdoc/>
    public override Func<double[]?> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        var getKey = row.GetGetter<uint>(label);
        var key = 0u;
        return () =>
        {
            getKey(ref key);
            return key == 0 || key > Labels.Count ? null : [key - 1];
        };
    }

    /// <inheritdoc/>
    public override string? DescribeMissing(IEnumerable<RowLabel> labels)
    {
        var seen = labels.Select(label => label.Value).ToHashSet();
        var missing = Labels.Names.Where((_, key) => !seen.Contains(key)).Select(name => $"'{name}'").ToList();
        return missing.Count == 0
            ? null
            : $"{missing.Count} of {Labels.Count} classes have no training row, so they cannot be learned: "
                + $"{MessageText.Few(missing)}. Add rows of them, set fewer rows aside, or map the labels to keys without them.";
    }

    /// <inheritdoc/>
    public override Tensor Predictions(Tensor outputs) => nn.functional.softmax(temperature == 1 ? outputs : outputs.Times(1 / temperature), -1);

    /// <inheritdoc/>
    public override OnnxValue? EmitProbabilities(OnnxGraph graph, OnnxValue outputs) =>
        graph.Softmax(temperature == 1 ? outputs : graph.Mul(outputs, graph.Scalar(1 / temperature, OnnxElementType.Float)));

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, string>> OnnxNotes =>
    [
        new("task", "class"),
        new("temperature", temperature.ToString("R", CultureInfo.InvariantCulture)),
        new("score_threshold", scoreThreshold.ToString("R", CultureInfo.InvariantCulture)),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(TargetColumns columns, DataViewSchema input) =>
    [
        new(columns.PredictedLabel!, new KeyDataViewType(typeof(uint), Labels.Count), ScoringOutput.LabelAnnotations(input, Labels), LargestGetter),
        new(columns.Score, new VectorDataViewType(NumberDataViewType.Single, Labels.Count), ScoringOutput.ClassAnnotations(input, Labels), VectorGetter),
    ];

    private ValueGetter<uint> LargestGetter(Func<RowScores> scores) => (ref value) =>
    {
        var row = scores().Values;
        var largest = row.Max();
        value = float.IsNaN(row[0]) || largest < scoreThreshold ? 0 : (uint)Array.IndexOf(row, largest) + 1; // a row that could not be read has no prediction
    };

    private static ValueGetter<VBuffer<float>> VectorGetter(Func<RowScores> scores) => (ref value) => ScoringOutput.Fill<float>(ref value, scores().Values);
}
