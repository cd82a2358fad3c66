using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Which of several classes a text has.</summary>
/// <param name="target">The classes.</param>
/// <param name="choosesThresholds">Whether thresholds are chosen by the validation rows.</param>
internal sealed class SeveralClassesTask(SeveralClassesTarget target, bool choosesThresholds = false) : TextTask
{
    /// <inheritdoc/>
    public override SeveralClassesTarget Target => target;

    /// <inheritdoc/>
    public override SeveralClassesScoring Scoring { get; } = new(target.Format);

    /// <inheritdoc/>
    public override TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead) => checkpoint.Network is TextEncoder encoder
        ? new TextClassifier(encoder, target.OutputCount, adapter, seed, useHead ? checkpoint.HeadWeights : null)
        : throw new NotSupportedException($"The model answers with one text, which cannot name several classes. Use an encoder, for example PretrainedModel.{nameof(PretrainedModel.BgeSmall)}.");

    /// <inheritdoc/>
    public override bool WantsValidation => choosesThresholds;

    /// <inheritdoc/>
    public override TextTask Calibrate(Tensor outputs, Tensor labels, Tensor? weights, Action<string> log, Action<string> warn)
    {
        using var scope = NewDisposeScope();
        var scores = target.ToArrays(outputs);
        var truth = labels.to(ScalarType.Float32).cpu().data<float>().ToArray().Chunk(target.OutputCount).ToArray();
        var counts = weights?.cpu().data<double>().ToArray() ?? [.. scores.Select(_ => 1.0)];
        float[] thresholds = [.. target.Format.Thresholds.Select((threshold, i) => BestThreshold.Of(
            [.. scores.Select((row, n) => new RankedRow(row[i], truth[n][i] > 0.5f, counts[n]))], threshold))];
        log($"Thresholds with the highest F1 on the validation rows: {MessageText.Few([.. target.OutputNames.Zip(thresholds, (name, threshold) => FormattableString.Invariant($"'{name}' {threshold:F3}"))])}.");
        return new SeveralClassesTask(new SeveralClassesTarget(new SeveralClassesFormat(target.Format.Labels, thresholds)));
    }
}
