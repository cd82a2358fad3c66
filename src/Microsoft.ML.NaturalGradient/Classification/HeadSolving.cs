using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Solves a network's head on what its encoder gives.</summary>
/// <param name="network">The network; its head is changed.</param>
/// <param name="target">What is predicted.</param>
/// <param name="seed">Seed of the parts that are held out to choose the penalty.</param>
/// <param name="checkAlive">Called often; throws to stop.</param>
/// <param name="log">Takes messages.</param>
internal sealed class HeadSolving(AdaptedNetwork network, PredictionTarget target, int seed, Action checkAlive, Action<string> log)
{
    /// <summary>Solves the head, which is all that is trained.</summary>
    /// <param name="head">The head.</param>
    /// <param name="training">The training rows, kept up to the head.</param>
    /// <param name="validation">The validation rows, which choose the penalty; null for none.</param>
    /// <returns>The report of the only epoch.</returns>
    public TrainingProgress Solve(LinearLayer head, FrozenSource training, FrozenSource? validation)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var rows = training.All();
        using var others = validation?.All();
        var started = Stopwatch.GetTimestamp();
        Solve(head, rows, others);
        log("The optimizer, epochs and batches are not used for it. Set Solve of HeadOnly to false to train it with them.");
        var (loss, accuracy) = Measure(rows);
        var watched = others is null ? default((double Loss, double? Accuracy)?) : Measure(others);
        return new TrainingProgress
        {
            Epoch = 1,
            EpochCount = 1,
            Step = 1,
            StepCount = 1,
            EndOfEpoch = true,
            Loss = loss,
            Accuracy = accuracy,
            ValidationLoss = watched?.Loss,
            ValidationAccuracy = watched?.Accuracy,
            LearningRate = 1,
            RowsPerSecond = rows.Input.SampleCount / Stopwatch.GetElapsedTime(started).TotalSeconds,
            TimeLeft = TimeSpan.Zero,
        };
    }

    /// <summary>Solves the head on the encoder as it is, and leaves it out of the training.</summary>
    /// <param name="head">The head.</param>
    /// <param name="training">The training rows.</param>
    /// <returns>When disposed, the head counts as trained again, which is what is saved.</returns>
    public IDisposable Hold(LinearLayer head, RowBatchSource training)
    {
        using var pooled = new FrozenSource(training, network, network.Base.LayerCount + 1);
        pooled.Fill(checkAlive);
        using var rows = pooled.All();
        Solve(head, rows, others: null);
        return new HeldHead(head);
    }

    private void Solve(LinearLayer head, LabeledBatch rows, LabeledBatch? others)
    {
        using var scope = NewDisposeScope();
        var (weight, bias, l2) = new LinearHeadFit(target.Objective, head.OutputSize, seed, checkAlive).Solve(
            Vectors(rows), rows.Labels, others is null ? null : (Vectors(others), others.Labels));
        head.Set(weight, bias);
        log(string.Create(
            CultureInfo.InvariantCulture, $"The head was solved by Newton's method on {rows.Input.SampleCount} rows, with the penalty {l2:G2} on its weights."));
    }

    private (double Loss, double? Accuracy) Measure(LabeledBatch rows)
    {
        using var scope = NewDisposeScope();
        var outputs = network.Forward(rows.Input);
        return (
            target.Objective.Losses(outputs, rows.Labels).mean().item<double>(),
            target.Objective.CountCorrect(outputs, rows.Labels) / (double)rows.Input.SampleCount);
    }

    private static Tensor Vectors(LabeledBatch rows) => ((PooledBatch)rows.Input).Vectors;

    private sealed class HeldHead : IDisposable
    {
        private readonly LinearLayer _head;

        public HeldHead(LinearLayer head)
        {
            _head = head;
            Train(false);
        }

        public void Dispose() => Train(true); // what is saved as trained

        private void Train(bool trained)
        {
            foreach (var parameter in _head.parameters())
            {
                parameter.requires_grad = trained;
            }
        }
    }
}
