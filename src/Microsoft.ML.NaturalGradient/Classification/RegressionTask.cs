using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A number: squared error; column Score.</summary>
/// <remarks>
/// The network is trained on labels of mean 0 and deviation 1, so that learning rates do not depend on the label's unit, and rescaled when
/// the training ends. For the optimizer's default learning rate it counts as one class.
/// </remarks>
/// <param name="mean">Mean of the training labels.</param>
/// <param name="deviation">Their standard deviation, greater than zero.</param>
internal sealed class RegressionTask(double mean = 0, double deviation = 1) : TextTask
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> OutputNames => ["LABEL_0"];

    /// <inheritdoc/>
    public override IObjective Objective { get; } = new SquaredError();

    /// <inheritdoc/>
    public override ScalarType LabelType => ScalarType.Float64;

    /// <inheritdoc/>
    public override Func<double?> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        var getNumber = row.GetGetter<float>(label);
        var number = 0f;
        return () =>
        {
            getNumber(ref number);
            return float.IsFinite(number) ? number : null;
        };
    }

    /// <inheritdoc/>
    public override Tensor Predictions(Tensor outputs) => outputs;

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(TextColumns columns, DataViewSchema input)
    {
        var annotations = ScoringOutput.ScoreAnnotations(
            input, AnnotationUtils.Const.ScoreColumnKind.Regression, AnnotationUtils.Const.ScoreValueKind.Score).ToAnnotations();
        return [new(columns.Score, NumberDataViewType.Single, annotations, Getter)];

        static ValueGetter<float> Getter(Func<float[]> scores) => (ref float value) => value = scores()[0];
    }

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
    }

    /// <inheritdoc/>
    public override TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead) =>
        checkpoint.Network is TextEncoder encoder
            ? new TextClassifier(encoder, OutputCount, adapter, seed, useHead ? checkpoint.HeadWeights : null)
            : throw new NotSupportedException("The model answers with text, which is no number. Use an encoder, for example PretrainedModel.MiniLM.");

    /// <inheritdoc/>
    public override TextTask FitTo(IReadOnlyList<EncodedRow> rows)
    {
        var average = rows.Average(row => row.Label);
        var spread = Math.Sqrt(rows.Average(row => (row.Label - average) * (row.Label - average)));
        return new RegressionTask(average, spread > 0 ? spread : 1);
    }

    /// <inheritdoc/>
    public override double Target(double label) => (label - mean) / deviation;

    /// <inheritdoc/>
    public override double ObjectiveUnits(double loss) => loss / SquaredUnit;

    /// <inheritdoc/>
    public override TrainingProgress Present(TrainingProgress progress) => progress with
    {
        Loss = progress.Loss * SquaredUnit,
        ValidationLoss = progress.ValidationLoss * SquaredUnit,
    };

    /// <inheritdoc/>
    public override void Finish(TextNetwork network) => ((TextClassifier)network).RescaleOutputs(deviation, mean);

    // The mean squared error in squared label units, per unit of the objective, which halves it.
    private double SquaredUnit => 2 * deviation * deviation;
}
