using System.Diagnostics;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>One training run of the multi-layer perceptron from scratch.</summary>
/// <param name="Epochs">What was reported after each epoch.</param>
/// <param name="TestAccuracy">Accuracy on the test rows with the weights of the best validation epoch; 0 when no epoch ended well.</param>
/// <param name="Seconds">Time of the run, validation included.</param>
/// <param name="Failure">Why the run ended early; null when it did not.</param>
internal sealed record MlpRun(IReadOnlyList<TrainingProgress> Epochs, double TestAccuracy, double Seconds, string? Failure)
{
    /// <summary>Validation accuracy of the best epoch.</summary>
    public double BestAccuracy => Epochs.Count == 0 ? 0 : Epochs.Max(epoch => epoch.ValidationAccuracy!.Value);

    /// <summary>Validation accuracy of the last epoch.</summary>
    public double LastAccuracy => Epochs.Count == 0 ? 0 : Epochs[^1].ValidationAccuracy!.Value;

    /// <summary>Mean training loss of the last epoch.</summary>
    public double TrainingLoss => Epochs.Count == 0 ? double.NaN : Epochs[^1].Loss;

    /// <summary>Trains.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="optimizer">The optimizer with its learning rate.</param>
    /// <param name="hidden">Width of both hidden layers.</param>
    /// <param name="epochs">Epochs.</param>
    /// <param name="seed">Seed of weights and order.</param>
    /// <param name="use">Takes the network with the weights of the best epoch, and leaves them as they are.</param>
    /// <returns>The results.</returns>
    public static MlpRun Train(MlpData data, OptimizerOptions optimizer, int hidden, int epochs, int seed, Action<MlpClassifier>? use = null)
    {
        var watch = Stopwatch.StartNew();
        using var model = new MlpClassifier(
            new MlpConfig { ImageSize = MlpData.Size, HiddenSizes = [hidden, hidden] }, data.Classes.Count, seed);
        var objective = new SoftmaxCrossEntropy();
        var reports = new List<TrainingProgress>();
        var loop = new TrainingLoop(model, objective, new TrainingSettings
        {
            Optimizer = optimizer,
            ClassCount = data.Classes.Count,
            EpochCount = epochs,
            Seed = seed,
            EarlyStopping = new EarlyStopping { Patience = epochs, WatchAccuracy = true }, // keeps the best epoch, never stops
            Report = progress =>
            {
                if (progress.EndOfEpoch)
                {
                    reports.Add(progress);
                }
            },
        });
        try
        {
            var result = loop.Run(data.Training(seed), data.Validation());
            var run = new MlpRun(reports, Accuracy(model, data.Test()), watch.Elapsed.TotalSeconds, result.Failure);
            use?.Invoke(model);
            return run;
        }
        catch (InvalidOperationException e) // the loss was not finite in the first epoch
        {
            return new MlpRun(reports, 0, watch.Elapsed.TotalSeconds, e.Message);
        }
    }

    /// <summary>Counts how many rows are classified right, as a fraction.</summary>
    /// <param name="model">The network; in evaluation afterwards.</param>
    /// <param name="rows">The rows.</param>
    public static double Accuracy(MlpClassifier model, IBatchSource rows)
    {
        var objective = new SoftmaxCrossEntropy();
        using var noGrad = no_grad();
        model.SetTraining(false);
        var correct = 0L;
        foreach (var batch in rows.Ordered())
        {
            using var owned = batch;
            using var scope = NewDisposeScope();
            correct += objective.CountCorrect(model.Forward(batch.Input), batch.Labels)!.Value;
        }

        return correct / (double)rows.SampleCount;
    }
}
