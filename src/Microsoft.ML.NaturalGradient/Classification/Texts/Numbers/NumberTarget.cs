using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A number: squared error; column Score.</summary>
/// <remarks>
/// The network is trained on labels of mean 0 and deviation 1, so that learning rates do not depend on the label's unit, and rescaled when
/// the training ends. For the optimizer's default learning rate it counts as one class.
/// </remarks>
/// <param name="mean">Mean of the training labels.</param>
/// <param name="deviation">Their standard deviation, greater than zero.</param>
internal sealed class NumberTarget(double mean = 0, double deviation = 1) : PredictionTarget
{
    /// <summary>Adapts the scale to the labels to train on.</summary>
    /// <param name="labels">Labels, at least one.</param>
    /// <returns>A target with their mean and deviation; 1 in place of none.</returns>
    public static NumberTarget For(IReadOnlyCollection<RowLabel> labels)
    {
        var first = labels.First().Value;
        if (labels.All(label => label.Value == first))
        {
            return new NumberTarget(first); // rounding of the mean would be a deviation
        }

        var total = labels.Sum(label => label.Weight);
        var average = labels.Sum(label => label.Weight * label.Value) / total;
        var spread = Math.Sqrt(labels.Sum(label => label.Weight * (label.Value - average) * (label.Value - average)) / total);
        return new NumberTarget(average, spread > 0 ? spread : 1);
    }

    /// <summary>Mean of the training labels.</summary>
    public double Mean { get; } = mean;

    /// <summary>Standard deviation of the training labels.</summary>
    public double Deviation { get; } = deviation;

    /// <inheritdoc/>
    public override NumberFormat Format { get; } = new();

    /// <inheritdoc/>
    public override IObjective Objective { get; } = new SquaredError();

    /// <inheritdoc/>
    public override string LossName => "mean squared error";

    /// <inheritdoc/>
    public override string TextModelTitle => "Numbers for texts";

    /// <inheritdoc/>
    public override string ProblemType => ClassifierConfig.Numbers;

    /// <inheritdoc/>
    public override (string Name, string Call) PythonPredictions => ("numbers", ".squeeze(-1)");

    /// <inheritdoc/>
    public override double GuessLoss => 0.5; // half the variance of the scaled labels

    /// <inheritdoc/>
    public override LabelFormat LabelFormat { get; } = new(ScalarType.Float64);

    /// <inheritdoc/>
    public override Func<double[]?> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        var getNumber = row.GetGetter<float>(label);
        var number = 0f;
        return () =>
        {
            getNumber(ref number);
            return float.IsFinite(number) ? [number] : null;
        };
    }

    /// <inheritdoc/>
    public override Tensor Predictions(Tensor outputs) => outputs;

    /// <inheritdoc/>
    public override OnnxValue? EmitProbabilities(OnnxGraph graph, OnnxValue outputs) => null;

    /// <inheritdoc/>
    public override IEnumerable<(string Column, OnnxValue Value)> EmitColumns(OnnxGraph graph, OnnxValue outputs, TargetColumns columns) => [(columns.Score, outputs)];

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, string>> OnnxNotes => [new("task", "number")];

    /// <inheritdoc/>
    public override RowLabel ToOutput(RowLabel label) => new([(label.Value - Mean) / Deviation], label.Weight);

    /// <inheritdoc/>
    public override double ObjectiveUnits(double loss) => loss / SquaredUnit;

    /// <inheritdoc/>
    public override TrainingProgress Present(TrainingProgress progress) => progress with
    {
        Loss = progress.Loss * SquaredUnit,
        ValidationLoss = progress.ValidationLoss * SquaredUnit,
    };

    // The mean squared error in squared label units, per unit of the objective, which halves it.
    private double SquaredUnit => 2 * Deviation * Deviation;
}
