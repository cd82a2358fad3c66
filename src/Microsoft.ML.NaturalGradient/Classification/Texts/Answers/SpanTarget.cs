using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A part of a text: two softmax cross-entropies over its tokens, summed; columns Answer and Score, the best first.</summary>
/// <param name="answers">How labels are read; null where nothing is trained.</param>
/// <param name="tokens">Mean number of tokens of a text, for <see cref="GuessLoss"/>.</param>
internal sealed class SpanTarget(AnswerLabels? answers = null, double tokens = 1) : PredictionTarget
{
    /// <inheritdoc/>
    public override AnswerFormat Format { get; } = new();

    /// <inheritdoc/>
    public override IObjective Objective { get; } = new SpanCrossEntropy();

    /// <inheritdoc/>
    public override string TextModelTitle => "Answers in texts";

    /// <inheritdoc/>
    public override (string Name, string Call) PythonPredictions => ("logits", "");

    /// <inheritdoc/>
    public override double GuessLoss => 2 * Math.Log(1 + tokens);

    /// <inheritdoc/>
    /// <remarks>Not the number of tokens: in the prototype the rate of many classes was worse than that of two, and without a floor of the damping not finite.</remarks>
    public override int RateClassCount => 2;

    /// <inheritdoc/>
    public override LabelFormat LabelFormat { get; } = new(ScalarType.Int64, IsVector: true);

    /// <summary>The same target for given windows.</summary>
    /// <param name="windows">Their labels.</param>
    public SpanTarget For(IReadOnlyCollection<RowLabel> windows) => new(answers, windows.Average(label => label.Values[3] - label.Values[2]));

    /// <inheritdoc/>
    /// <remarks>Where the answer begins in the text, and its length, in UTF-16 units.</remarks>
    public override Func<double[]?> LabelReader(DataViewRow row, DataViewSchema.Column label) => answers!.Reader(row);

    /// <inheritdoc/>
    /// <remarks>Logits: what they mean depends on which tokens are part of the text.</remarks>
    public override Tensor Predictions(Tensor outputs) => outputs;

    /// <inheritdoc/>
    public override OnnxValue? EmitProbabilities(OnnxGraph graph, OnnxValue outputs) => null;

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, string>> OnnxNotes => [new("task", "answer")];
}
