using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Diagnostics;
using Microsoft.ML.NaturalGradient.Optimization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>What a run computes of batches: in micro-batches and shared out to processes, as its settings say.</summary>
/// <param name="model">The model.</param>
/// <param name="objective">The loss.</param>
/// <param name="settings">How to train.</param>
internal sealed class RunEvaluation(ITrainableModel model, IObjective objective, TrainingSettings settings)
{
    /// <summary>Whether all processes of the run stopped together.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>Runs a batch through the model.</summary>
    /// <param name="batch">The batch, which must outlive the result.</param>
    /// <param name="perSampleGradients">Whether per-sample gradients will be asked for.</param>
    /// <param name="randomness">Source of dropout masks; null where there is none.</param>
    /// <returns>The evaluated batch; the caller disposes it.</returns>
    public BatchEvaluation Of(LabeledBatch batch, bool perSampleGradients, Generator? randomness) =>
        BatchEvaluation.Of(model, objective, batch, perSampleGradients, randomness, settings.MicroBatchSize, settings.Processes);

    /// <summary>Measures how close update directions are to the exact natural gradient.</summary>
    /// <param name="quality">What measures.</param>
    /// <param name="batch">The batch.</param>
    public QualityReport Measure(ApproximationQuality quality, LabeledBatch batch) =>
        quality.Measure(model, objective, batch, settings.MicroBatchSize, settings.Processes);

    /// <summary>Computes loss and accuracy of rows; the model is not in training afterwards.</summary>
    /// <param name="rows">The rows.</param>
    /// <returns>The mean loss of a row, and the fraction predicted right, each row as often as it counts; null where labels are no classes.</returns>
    /// <exception cref="OperationCanceledException">The run is to stop.</exception>
    public (double Loss, double? Accuracy) Validate(IBatchSource rows)
    {
        using var noGrad = no_grad();
        model.SetTraining(false);
        var (loss, weight, correct) = (0.0, 0.0, (double?)0);
        foreach (var batch in rows.Ordered())
        {
            using var owned = batch;
            using var scope = NewDisposeScope();
            CheckAlive();
            using var evaluation = Of(batch, false, null);
            loss += evaluation.MeanLoss * evaluation.Weights.Sum;
            weight += evaluation.Weights.Sum;
            correct += WeighCorrect(batch.Input, evaluation.Weights) ?? evaluation.WeighCorrect();
        }

        return (loss / weight, correct / weight);
    }

    /// <summary>Throws when the run is to stop, in all processes where one is.</summary>
    /// <exception cref="OperationCanceledException">It is.</exception>
    public void CheckAlive() => StopTogether(settings.CheckAlive);

    /// <summary>Tells the user how far the run is; all processes stop where one of them is stopped there.</summary>
    /// <param name="progress">How far it is.</param>
    /// <exception cref="OperationCanceledException">One is.</exception>
    public void Report(TrainingProgress progress) => StopTogether(() => settings.Report?.Invoke(progress));

    private void StopTogether(Action? action)
    {
        if (settings.Processes is not { } group)
        {
            action?.Invoke();
            return;
        }

        try
        {
            group.StopTogether(action);
        }
        catch (OperationCanceledException)
        {
            IsStopped = true;
            throw;
        }
    }

    // Null where the model leaves it to the objective.
    private double? WeighCorrect(ModelInput input, RowWeights weights)
    {
        if (settings.Processes is not { } group)
        {
            using var right = model.FindCorrect(input);
            return right is null ? null : weights.SumOver(right);
        }

        var share = group.Share(input.SampleCount);
        using var own = model.FindCorrect(share.Count > 0 ? input.Slice(share.Start, share.Count) : input.Slice(0, 1));
        if (own is null)
        {
            return null;
        }

        using var counts = share.Count > 0 ? weights.Of(share.Start, share.Count) : weights.OfNothing();
        Span<double> sum = [counts.SumOver(own)];
        group.AllReduce(sum);
        return sum[0];
    }
}
