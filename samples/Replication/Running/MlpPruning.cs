using Microsoft.ML.NaturalGradient;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ReplicationSample;

/// <summary>Prunes a trained multi-layer perceptron at once, in several ways and to several sparsities.</summary>
/// <remarks>
/// WoodFisher with blocks of the empirical and the improved empirical Fisher matrix (Wu et al., NeurIPS 2024, App. D.2.3), and by magnitude alone. The
/// weights of all layers are ranked together; biases stay.
/// </remarks>
internal static class MlpPruning
{
    /// <summary>Prunes and measures; the network has its weights again afterwards.</summary>
    /// <param name="cell">The experiment and the seed of the rows that the Fisher matrix is estimated from.</param>
    /// <param name="network">The trained network.</param>
    /// <param name="training">Rows to estimate the Fisher matrix from.</param>
    /// <param name="measure">Validation loss and accuracy of the network as it is.</param>
    /// <param name="stop">Ends it between two measurements.</param>
    public static IReadOnlyList<PruningResult> Run(
        Cell cell, Sequential network, PictureTensors training, Func<(double Loss, double Accuracy)> measure, CancellationToken stop)
    {
        var sweep = cell.Pruning!;
        var results = new List<PruningResult>();
        foreach (var method in PruningChoice.Read(sweep.Methods))
        {
            using var scope = NewDisposeScope();
            using var pruner = method.Options?.CreateFor(network, training.ClassCount);
            if (pruner is not null)
            {
                var order = Enumerable.Range(0, training.Count).Select(row => (long)row).ToArray();
                new Random(cell.Seed).Shuffle(order);
                foreach (var rows in order.Chunk(cell.Experiment.BatchSize).Take(sweep.Batches))
                {
                    stop.ThrowIfCancellationRequested();
                    var (inputs, labels) = training.Rows(rows);
                    pruner.Add(() => network.call(inputs), labels);
                }
            }

            foreach (var sparsity in sweep.Sparsities)
            {
                stop.ThrowIfCancellationRequested();
                var (loss, accuracy) = pruner is null ? AtMagnitude(network, sparsity, measure) : AtSaliency(pruner, sparsity, measure);
                results.Add(new PruningResult(method.Label, sparsity, loss, accuracy));
            }
        }

        return results;
    }

    private static (double Loss, double Accuracy) AtSaliency(NetworkPruner pruner, double sparsity, Func<(double, double)> measure)
    {
        using var scope = NewDisposeScope();
        pruner.Prune(sparsity);
        var measured = measure();
        pruner.Restore();
        return measured;
    }

    private static (double Loss, double Accuracy) AtMagnitude(Sequential network, double sparsity, Func<(double, double)> measure)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var weights = network.parameters().Where(parameter => parameter.dim() > 1).ToArray();
        var saved = Array.ConvertAll(weights, weight => weight.clone());
        var sizes = cat([.. saved.Select(weight => weight.abs().flatten())]); // [P]
        var (_, removed) = sizes.topk((int)Math.Round(sparsity * sizes.numel(), MidpointRounding.AwayFromZero), largest: false);
        var kept = ones_like(sizes).index_fill_(0, removed, 0).split([.. weights.Select(weight => weight.numel())]);
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i].mul_(kept[i].view(weights[i].shape));
        }

        var measured = measure();
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i].copy_(saved[i]);
        }

        return measured;
    }
}
