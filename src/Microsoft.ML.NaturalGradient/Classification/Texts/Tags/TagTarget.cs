using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One of C tags for each word: softmax cross-entropy, summed over the words of a text.</summary>
/// <param name="format">The tags.</param>
/// <param name="words">Mean number of labelled words of a text, for <see cref="GuessLoss"/>.</param>
internal sealed class TagTarget(TagFormat format, double words = 1) : PredictionTarget
{
    /// <inheritdoc/>
    public override TagFormat Format => format;

    /// <inheritdoc/>
    public override IObjective Objective { get; } = new SoftmaxCrossEntropy();

    /// <inheritdoc/>
    public override string LossName => "loss of a text";

    /// <inheritdoc/>
    public override string TextModelTitle => "Tags for words";

    /// <inheritdoc/>
    public override (string Name, string Call) PythonPredictions => ("probabilities", ".softmax(-1)");

    /// <inheritdoc/>
    public override double GuessLoss => words * Math.Log(OutputCount);

    /// <inheritdoc/>
    public override LabelFormat LabelFormat { get; } = new(ScalarType.Int64, IsVector: true);

    /// <summary>The same target for given texts.</summary>
    /// <param name="rows">Their labels.</param>
    public TagTarget For(IReadOnlyCollection<RowLabel> rows) =>
        new(format, Math.Max(1, rows.Average(row => (double)row.Values.Count(value => value != RowLabel.Filling))));

    /// <inheritdoc/>
    /// <remarks>A value for each word. A text none of whose words has a label has none.</remarks>
    public override Func<double[]?> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        var getKeys = row.GetGetter<VBuffer<uint>>(label);
        var keys = default(VBuffer<uint>);
        return () =>
        {
            getKeys(ref keys);
            var values = keys.DenseValues().Select(OutputOf).ToArray();
            return Array.Exists(values, value => value != RowLabel.Filling) ? values : null;
        };
    }

    /// <inheritdoc/>
    public override string? DescribeMissing(IEnumerable<RowLabel> labels)
    {
        var seen = labels.SelectMany(label => label.Values).ToHashSet();
        var missing = OutputNames.Where((_, output) => !seen.Contains(output)).Select(name => $"'{name}'").ToList();
        return missing.Count == 0 ? null : $"{missing.Count} of {OutputCount} tags stand at no training word, so they cannot be learned: {MessageText.Few(missing)}.";
    }

    /// <inheritdoc/>
    public override Tensor Predictions(Tensor outputs) => nn.functional.softmax(outputs, -1);

    /// <inheritdoc/>
    public override OnnxValue? EmitProbabilities(OnnxGraph graph, OnnxValue outputs) => graph.Softmax(outputs);

    /// <inheritdoc/>
    /// <remarks>Whether the first class is no key of the label column, but stands for words without one.</remarks>
    public override IEnumerable<KeyValuePair<string, string>> OnnxNotes => [new("task", "tags"), new("first_class_is_no_key", format.MissingIsOutside ? "true" : "false")];

    private double OutputOf(uint key) => key > format.Labels.Count || (key == 0 && !format.MissingIsOutside) ? RowLabel.Filling : format.MissingIsOutside ? key : key - 1.0;
}
