using System.Globalization;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One of C classes: softmax cross-entropy.</summary>
/// <param name="format">The classes.</param>
internal sealed class ClassTarget(ClassFormat format) : PredictionTarget
{
    /// <summary>Takes classes, whose probabilities are the softmax of the outputs.</summary>
    /// <param name="labels">The classes.</param>
    public ClassTarget(ClassLabels labels)
        : this(new ClassFormat(labels))
    {
    }

    /// <inheritdoc/>
    public override ClassFormat Format => format;

    /// <summary>The classes.</summary>
    public ClassLabels Labels => format.Labels;

    /// <inheritdoc/>
    public override IObjective Objective { get; } = new SoftmaxCrossEntropy();

    /// <inheritdoc/>
    public override string TextModelTitle => "Text classifier";

    /// <inheritdoc/>
    public override (string Name, string Call) PythonPredictions => ("probabilities", ".softmax(-1)");

    /// <inheritdoc/>
    public override double Temperature => format.Temperature;

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
    public override Tensor Predictions(Tensor outputs) => nn.functional.softmax(format.Temperature == 1 ? outputs : outputs.Times(1 / format.Temperature), -1);

    /// <inheritdoc/>
    public override OnnxValue? EmitProbabilities(OnnxGraph graph, OnnxValue outputs) =>
        graph.Softmax(format.Temperature == 1 ? outputs : graph.Mul(outputs, graph.Scalar(1 / format.Temperature, OnnxElementType.Float)));

    /// <inheritdoc/>
    public override IEnumerable<(string Column, OnnxValue Value)> EmitColumns(OnnxGraph graph, OnnxValue outputs, TargetColumns columns)
    {
        var probabilities = EmitProbabilities(graph, outputs)!;
        var key = graph.Add(graph.ArgMax(probabilities), graph.Integer(1)); // [N, 1]
        if (format.ScoreThreshold > 0)
        {
            var isUnknown = graph.Greater(graph.Scalar(format.ScoreThreshold), graph.Max(probabilities, -1, keep: true));
            key = graph.Mul(key, graph.Cast(graph.Not(isUnknown), OnnxElementType.Int64));
        }

        return [(columns.PredictedLabel!, graph.Cast(key, OnnxElementType.UInt32)), (columns.Score, probabilities)];
    }

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, string>> OnnxNotes =>
    [
        new("task", "class"),
        new("temperature", format.Temperature.ToString("R", CultureInfo.InvariantCulture)),
        new("score_threshold", format.ScoreThreshold.ToString("R", CultureInfo.InvariantCulture)),
    ];
}
