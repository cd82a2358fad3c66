using System.Globalization;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Pruning;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>Prunes a multi-layer perceptron that was trained on CIFAR-10 pictures, at once and without training it again.</summary>
/// <remarks>
/// Accuracy against sparsity with blocks of the empirical and of the improved empirical Fisher matrix, each with and without the change of
/// the weights that stay, and by magnitude alone. The weights of all layers are ranked together; biases stay.
/// </remarks>
internal static class PruningCommand
{
    private const string Usage = """
        Usage: ./build.sh bench pruning --data FOLDER [OPTION VALUE]...

          --data FOLDER    with cifar10-subset/cifar10-train.tgz and cifar10-test.tgz
          --epochs N       epochs of training with AdamW (default 10)
          --hidden N       width of both hidden layers (default 128)
          --batches N      training batches of 64 rows that the Fisher matrix is estimated from (default 8)
          --block N        weights in a block of the Fisher matrix (default 50)
          --seeds N        networks (default 3)
        """;

    private static readonly double[] Sparsities = [0, 0.5, 0.7, 0.8, 0.9, 0.95];

    private static readonly (string Name, PruningFisher? Fisher, bool Compensate)[] Contenders =
    [
        ("magnitude", null, false),
        ("EF", PruningFisher.Ef, true),
        ("iEF", PruningFisher.Ief, true),
        ("EF, others unchanged", PruningFisher.Ef, false),
        ("iEF, others unchanged", PruningFisher.Ief, false),
    ];

    /// <summary>Runs and prints a table in Markdown.</summary>
    /// <param name="arguments">The arguments after <c>pruning</c>.</param>
    /// <returns>The exit code.</returns>
    public static int Run(IReadOnlyList<string> arguments)
    {
        if (CommandOptions.Parse(arguments, Usage) is not { } options)
        {
            return 2;
        }

        using var data = new MlpData(options.Text("--data")!);
        var (hidden, batches, block) = (options.Number("--hidden", 128), options.Number("--batches", 8), options.Number("--block", 50));
        var curves = Contenders.ToDictionary(contender => contender.Name, _ => new List<IReadOnlyList<double>>());
        for (var seed = 0; seed < options.Number("--seeds", 3); seed++)
        {
            var order = seed;
            var run = MlpRun.Train(data, Optimizers.AdamW with { LearningRate = 1e-3 }, hidden, options.Number("--epochs", 10), seed, model =>
            {
                foreach (var (name, fisher, compensate) in Contenders)
                {
                    var curve = Curve(model, data, () => Evaluations(model, data, order, batches), Choice(fisher, compensate, block));
                    curves[name].Add(curve);
                    Console.Error.WriteLine($"seed {order}, {name}: {string.Join(", ", curve.Select(Text))}");
                }
            });
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"seed {seed}: training loss {run.TrainingLoss:F3}, best validation {run.BestAccuracy:F3}, test {run.TestAccuracy:F3}, {run.Seconds:F0} s"));
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{data.Description}; hidden layers of {hidden}; Fisher matrix of {batches * 64} training rows in blocks of {block}\n"));
        Console.WriteLine($"| pruned by | {string.Join(" | ", Sparsities.Select(sparsity => FormattableString.Invariant($"{sparsity:P0}")))} |");
        Console.WriteLine($"|---|{string.Concat(Sparsities.Select(_ => "---|"))}");
        foreach (var (name, _, _) in Contenders)
        {
            var columns = Sparsities.Select((_, i) => Text(curves[name].Average(curve => curve[i])));
            Console.WriteLine($"| {name} | {string.Join(" | ", columns)} |");
        }

        return 0;
    }

    private static PruningOptions? Choice(PruningFisher? fisher, bool compensate, int block) =>
        fisher is { } one ? new PruningOptions { Fisher = one, Compensate = compensate, BlockSize = block } : null;

    private static IReadOnlyList<double> Curve(MlpClassifier model, MlpData data, Func<IEnumerable<BatchEvaluation>> batches, PruningOptions? options)
    {
        Parameter[] weights = [.. model.TrainableParameters.Select(named => named.Value).Where(parameter => parameter.dim() > 1)];
        double Measure() => MlpRun.Accuracy(model, data.Test());
        return options is null
            ? [.. Sparsities.Select(sparsity => AtMagnitude(weights, sparsity, Measure))]
            : NetworkPruning.Curve(weights, batches, Sparsities, options, Measure);
    }

    private static IEnumerable<BatchEvaluation> Evaluations(MlpClassifier model, MlpData data, int seed, int count)
    {
        var objective = new SoftmaxCrossEntropy();
        foreach (var batch in data.Training(seed).Shuffled(0).Take(count))
        {
            using var owned = batch;
            yield return BatchEvaluation.Run(objective, batch.Labels, true, () => model.Forward(batch.Input));
        }
    }

    // Measures without the weights that are smallest, whatever their layer, and puts them back.
    private static double AtMagnitude(Parameter[] weights, double sparsity, Func<double> measure)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var saved = weights.Select(weight => weight.clone()).ToArray();
        var sizes = cat([.. saved.Select(weight => weight.abs().flatten())]); // [P]
        var (_, removed) = sizes.topk((int)Math.Round(sparsity * sizes.numel()), largest: false);
        var kept = ones_like(sizes).index_fill_(0, removed, 0).split([.. saved.Select(weight => weight.numel())]);
        try
        {
            for (var i = 0; i < weights.Length; i++)
            {
                weights[i].mul_(kept[i].view(weights[i].shape));
            }

            return measure();
        }
        finally
        {
            for (var i = 0; i < weights.Length; i++)
            {
                weights[i].copy_(saved[i]);
            }
        }
    }

    private static string Text(double accuracy) => accuracy.ToString("F3", CultureInfo.InvariantCulture);
}
