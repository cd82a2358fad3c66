using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Solves a network's head on what its encoder gives.</summary>
/// <param name="network">The network; its head is changed.</param>
/// <param name="target">What is predicted.</param>
/// <param name="seed">Seed of the parts that are held out to choose the penalty.</param>
/// <param name="checkAlive">Called often; throws to stop.</param>
/// <param name="log">Takes messages.</param>
/// <param name="group">The processes of the run, which all get the head of the first; null for one.</param>
internal sealed class HeadSolving(AdaptedNetwork network, PredictionTarget target, int seed, Action checkAlive, Action<string> log, ProcessGroup? group = null)
{
    /// <summary>Solves the head, which is all that is trained.</summary>
    /// <param name="head">The head.</param>
    /// <param name="training">The training rows, kept up to the head.</param>
    /// <param name="validation">The validation rows, which choose the penalty where there are enough of them; null for none.</param>
    /// <returns>The report of the only epoch.</returns>
    public TrainingProgress Solve(LinearLayer head, FrozenSource training, FrozenSource? validation)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var rows = training.All();
        using var others = validation?.All();
        var started = Stopwatch.GetTimestamp();
        Solve(head, rows, others, l2: null);
        log("The optimizer, epochs and batches are not used for it. Set Solve of HeadOnly to false to train it with them.");
        return Describe(rows, others, started);
    }

    /// <summary>Solves the head on the encoder as it is, and leaves it out of the training.</summary>
    /// <param name="head">The head.</param>
    /// <param name="training">The training rows.</param>
    /// <returns>The held head; the caller disposes it.</returns>
    public HeldHead Hold(LinearLayer head, RowBatchSource training)
    {
        using var rows = Pooled(training);
        return new HeldHead(head, Solve(head, rows, others: null, l2: null));
    }

    /// <summary>
    /// Solves a held head again, with the penalty that is best on the validation rows. Without enough of them it is that of the first time: what the training rows would choose now would be too weak, since the encoder
    /// knows their labels.
    /// </summary>
    /// <param name="held">The head.</param>
    /// <param name="training">The training rows.</param>
    /// <param name="validation">The validation rows; null for none.</param>
    /// <returns>The report of an epoch.</returns>
    public TrainingProgress SolveAgain(HeldHead held, RowBatchSource training, RowBatchSource? validation)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        network.SetTraining(false);
        using var rows = Pooled(training);
        using var others = validation is null ? null : Pooled(validation);
        var started = Stopwatch.GetTimestamp();
        Solve(held.Head, rows, others, CanChoose(others) ? null : held.L2);
        return Describe(rows, others, started);
    }

    private LabeledBatch Pooled(RowBatchSource rows)
    {
        using var pooled = new FrozenSource(rows, network, network.Base.LayerCount + 1, group: group);
        pooled.Fill(checkAlive);
        return pooled.All();
    }

    private TrainingProgress Describe(LabeledBatch rows, LabeledBatch? others, long started)
    {
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

    // Returns the penalty, which is chosen where none is given.
    private double Solve(LinearLayer head, LabeledBatch rows, LabeledBatch? others, double? l2)
    {
        using var scope = NewDisposeScope();
        var fit = new LinearHeadFit(target.Objective, head.OutputSize, seed, checkAlive);
        var (weight, bias, used) = l2 is { } given
            ? fit.Solve(Rows(rows), given)
            : fit.Solve(Rows(rows), CanChoose(others) ? Rows(others) : null);
        used = OfFirst(weight, bias, used);
        head.Set(weight, bias);
        log(string.Create(
            CultureInfo.InvariantCulture, $"The head was solved by Newton's method on {rows.Input.SampleCount} rows, with the penalty {used:G2} on its weights."));
        return used;
    }

    // A penalty that is best on a few rows is so by chance.
    private static bool CanChoose([NotNullWhen(true)] LabeledBatch? validation) => validation?.Input.SampleCount >= EarlyStopping.FewestRows;

    // Processors that round differently would solve other heads, and may choose another penalty.
    private double OfFirst(Tensor weight, Tensor bias, double l2)
    {
        group?.Broadcast(weight);
        group?.Broadcast(bias);
        return OfFirst(l2);
    }

    private double OfFirst(double own) => group?.OfFirst(own) ?? own;

    private (double Loss, double? Accuracy) Measure(LabeledBatch rows)
    {
        using var scope = NewDisposeScope();
        var outputs = network.Forward(rows.Input);
        using var weights = new RowWeights(rows.Weights, rows.Input.SampleCount, outputs.device);
        return (
            OfFirst(weights.Mean(target.Objective.Losses(outputs, rows.Labels))),
            target.Objective.FindCorrect(outputs, rows.Labels) is { } right ? OfFirst(weights.SumOver(right) / weights.Sum) : null);
    }

    private static HeadRows Rows(LabeledBatch rows) => new(((PooledBatch)rows.Input).Vectors, rows.Labels, rows.Weights);
}
