using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Any number of C classes: a binary cross-entropy for each, summed.</summary>
/// <param name="format">The classes.</param>
internal sealed class SeveralClassesTarget(SeveralClassesFormat format) : PredictionTarget
{
    /// <inheritdoc/>
    public override SeveralClassesFormat Format => format;

    private ClassLabels Labels => format.Labels;

    /// <inheritdoc/>
    public override IObjective Objective { get; } = new BinaryCrossEntropy();

    /// <inheritdoc/>
    public override string TextModelTitle => "Text classifier for several classes at once";

    /// <inheritdoc/>
    public override string ProblemType => ClassifierConfig.SeveralLabels;

    /// <inheritdoc/>
    public override (string Name, string Call) PythonPredictions => ("probabilities", ".sigmoid()");

    /// <inheritdoc/>
    public override double GuessLoss => OutputCount * Math.Log(2);

    /// <inheritdoc/>
    public override LabelFormat LabelFormat { get; } = new(ScalarType.Float64, IsVector: true);

    /// <inheritdoc/>
    /// <remarks>1 for each class that the row has, else 0. A row without any class has a label too: it has none of them.</remarks>
    public override Func<double[]?> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        var getKeys = row.GetGetter<VBuffer<uint>>(label);
        var keys = default(VBuffer<uint>);
        return () =>
        {
            getKeys(ref keys);
            var values = new double[Labels.Count];
            foreach (var key in keys.GetValues())
            {
                if (key > 0 && key <= Labels.Count)
                {
                    values[key - 1] = 1;
                }
            }

            return values;
        };
    }

    /// <inheritdoc/>
    public override string? DescribeMissing(IEnumerable<RowLabel> labels)
    {
        var counts = new double[Labels.Count];
        foreach (var label in labels)
        {
            for (var i = 0; i < counts.Length; i++)
            {
                counts[i] += label.Values[i];
            }
        }

        var missing = Labels.Names.Where((_, i) => counts[i] == 0).Select(name => $"'{name}'").ToList();
        return missing.Count == 0
            ? null
            : $"{missing.Count} of {Labels.Count} classes have no training row, so they cannot be learned: {MessageText.Few(missing)}.";
    }

    /// <inheritdoc/>
    public override Tensor Predictions(Tensor outputs) => outputs.sigmoid();

    /// <inheritdoc/>
    public override OnnxValue? EmitProbabilities(OnnxGraph graph, OnnxValue outputs) => graph.Sigmoid(outputs);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, string>> OnnxNotes => [new("task", "several_classes"), new("thresholds", OnnxExport.List(format.Thresholds))];
}
