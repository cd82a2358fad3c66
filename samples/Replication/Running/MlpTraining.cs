using System.Diagnostics;
using Microsoft.ML.NaturalGradient;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ReplicationSample;

/// <summary>A multi-layer perceptron of TorchSharp's own layers, trained from scratch by the library's optimizers without ML.NET.</summary>
/// <remarks>Wu et al., NeurIPS 2024, App. H.7. The learning rate falls linearly to zero for every method.</remarks>
internal static class MlpTraining
{
    /// <summary>Trains as a cell says, and prunes where it says so.</summary>
    public static IReadOnlyList<PruningResult> Run(Cell cell, TaskData data, Action<TrainingProgress> report, CancellationToken stop)
    {
        using var scope = NewDisposeScope();
        manual_seed(cell.Seed);
        var (training, validation) = PictureTensors.Read(data, cell.Experiment.ImageSize);
        using var network = Network((int)training.Inputs.shape[1], cell.Experiment.HiddenSizes, training.ClassCount);
        using var optimizer = cell.Optimizer.Options.CreateFor(network, training.ClassCount, cell.Seed);
        var steps = (training.Count + cell.Experiment.BatchSize - 1) / cell.Experiment.BatchSize;
        var (watch, random, order) = (Stopwatch.StartNew(), new Random(cell.Seed), Enumerable.Range(0, training.Count).Select(row => (long)row).ToArray());
        for (var epoch = 1; epoch <= cell.Experiment.Epochs; epoch++)
        {
            random.Shuffle(order);
            var (loss, correct) = (0.0, 0L);
            foreach (var (step, rows) in order.Chunk(cell.Experiment.BatchSize).Index())
            {
                stop.ThrowIfCancellationRequested();
                using var stepScope = NewDisposeScope();
                var done = ((epoch - 1) * steps) + step;
                var rate = optimizer.LearningRate * (1 - (done / (double)(cell.Experiment.Epochs * steps)));
                var (inputs, labels) = training.Rows(rows);
                var found = optimizer.Step(() => network.call(inputs), labels, rate);
                loss += found.Loss * found.SampleCount;
                correct += found.Correct!.Value;
                report(Progress(epoch, step + 1, found.Loss, found.Correct!.Value / (double)found.SampleCount, rate, endOfEpoch: false));
            }

            var (validationLoss, validationAccuracy) = Evaluate(network, validation);
            report(Progress(epoch, steps, loss / training.Count, correct / (double)training.Count, 0, endOfEpoch: true) with
            {
                ValidationLoss = validationLoss,
                ValidationAccuracy = validationAccuracy,
            });
        }

        return cell.Pruning is null ? [] : MlpPruning.Run(cell, network, training, () => Evaluate(network, validation), stop);

        TrainingProgress Progress(int epoch, int step, double loss, double accuracy, double rate, bool endOfEpoch)
        {
            var done = ((epoch - 1.0) * steps) + step;
            return new TrainingProgress
            {
                Epoch = epoch,
                EpochCount = cell.Experiment.Epochs,
                Step = step,
                StepCount = steps,
                EndOfEpoch = endOfEpoch,
                Loss = loss,
                Accuracy = accuracy,
                LearningRate = rate,
                RowsPerSecond = done * cell.Experiment.BatchSize / watch.Elapsed.TotalSeconds,
                TimeLeft = watch.Elapsed * ((cell.Experiment.Epochs * steps / done) - 1),
            };
        }
    }

    private static Sequential Network(int inputSize, IReadOnlyList<int> hiddenSizes, int classCount)
    {
        var layers = new List<(string, nn.Module<Tensor, Tensor>)>();
        foreach (var size in hiddenSizes)
        {
            layers.Add(($"hidden{layers.Count}", nn.Linear(inputSize, size)));
            layers.Add(($"relu{layers.Count}", nn.ReLU()));
            inputSize = size;
        }

        layers.Add(("output", nn.Linear(inputSize, classCount)));
        return nn.Sequential(layers);
    }

    private static (double Loss, double Accuracy) Evaluate(Sequential network, PictureTensors rows)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var logits = network.call(rows.Inputs);
        return (
            nn.functional.cross_entropy(logits, rows.Labels).item<float>(),
            logits.argmax(1).eq(rows.Labels).sum().item<long>() / (double)rows.Count);
    }
}
