using System.Diagnostics;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Training;

/// <summary>How long a head takes to be solved, for few and many rows and classes: vectors of 384 numbers around the centre of their class.</summary>
internal static class HeadSolving
{
    private const int Width = 384;

    /// <summary>Prints a table in Markdown.</summary>
    public static void Run()
    {
        Console.WriteLine("| rows | classes | s | penalty | accuracy on as many new rows |\n|---|---|---|---|---|");
        foreach (var (rows, classes) in new[] { (16, 2), (1000, 2), (1000, 77), (5000, 1000), (50_000, 4) })
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(1);
            var spread = logspace(0, -2, Width, dtype: ScalarType.Float32); // as of an encoder: few directions hold most of the variance
            var centres = randn([classes, Width], generator: generator).mul(0.35);
            var ((features, labels), (others, theirs)) = (Draw(), Draw());
            var started = Stopwatch.GetTimestamp();
            var (weight, bias, l2) = new LinearHeadFit(new SoftmaxCrossEntropy(), classes, seed: 1).Solve(new HeadRows(features, labels));
            var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
            var right = others.to(ScalarType.Float64).mm(weight.t()).add(bias).argmax(1).eq(theirs).to(ScalarType.Float64).mean().item<double>();
            Console.WriteLine($"| {rows} | {classes} | {seconds:F1} | {l2:G2} | {right:F3} |");

            (Tensor, Tensor) Draw()
            {
                var drawn = arange(rows).remainder(classes);
                return (centres.index_select(0, drawn).add(randn([rows, Width], generator: generator)).mul(spread).add(1), drawn);
            }
        }
    }
}
