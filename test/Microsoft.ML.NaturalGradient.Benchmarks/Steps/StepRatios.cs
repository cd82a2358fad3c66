using System.Diagnostics;
using Microsoft.ML.NaturalGradient.Numerics;
using ReplicationSample;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>What a step costs beside AdamW's and beside the matrix products alone, on short and long texts, made in turns in one process.</summary>
internal static class StepRatios
{
    private const int Samples = 32;
    private const int WarmUp = 3;
    private const string Products = "matrix products only";

    /// <summary>Prints a table in Markdown: medians, and medians of the ratios of steps of the same round.</summary>
    /// <param name="rounds">Steps of each kind, after three to warm up.</param>
    public static void Run(int rounds)
    {
        using var heap = new NativeHeap(); // as in training
        Console.WriteLine("| trained | tokens | one step | median, ms | smallest, ms | ÷ products | ÷ AdamW |\n|---|---|---|---|---|---|---|");
        foreach (var (adapter, tokens) in new (AdapterOptions, int)[] { (Adapters.LoRA, 16), (Adapters.LoRA, 64), (Adapters.Full, 16), (Adapters.Full, 64) })
        {
            using var work = new LoraWork(Samples, tokens, adapter: adapter);
            // The floor is known for LoRA only.
            using var products = adapter is LoraOptions ? new MatrixProducts(Samples, tokens, layers: 6, width: 384, inner: 1536, heads: 12, rank: 8) : null;
            Measure(work, products, rounds, $"{adapter.GetType().Name} | {tokens}");
        }
    }

    private static void Measure(LoraWork work, MatrixProducts? products, int rounds, string title)
    {
        var optimizers = new OptimizerOptions[] { Optimizers.AdamW, Optimizers.Sgd, Optimizers.Ief, Optimizers.Ef, Optimizers.Sf }
            .ToDictionary(options => options.Name, options => options.Create(work.Parameters, 1));
        var steps = optimizers.ToDictionary(pair => pair.Key, pair => (Action)(() => work.Step(pair.Value)));
        if (products is not null)
        {
            steps.Add(Products, () =>
            {
                using var noGrad = no_grad();
                products.Run();
            });
        }

        var names = steps.Keys.ToArray();
        var times = names.ToDictionary(name => name, _ => new List<double>());
        for (var round = 0; round < rounds + WarmUp; round++)
        {
            for (var i = 0; i < names.Length; i++)
            {
                var name = names[(i + round) % names.Length]; // who goes first changes from round to round
                var watch = Stopwatch.StartNew();
                steps[name]();
                if (round >= WarmUp)
                {
                    times[name].Add(watch.Elapsed.TotalMilliseconds);
                }
            }
        }

        foreach (var name in names)
        {
            Console.WriteLine($"| {title} | {name} | {Statistics.Median(times[name]):F1} | {times[name].Min():F1} | {Ratio(name, Products)} | {Ratio(name, Optimizers.AdamW.Name)} |");
        }

        foreach (var optimizer in optimizers.Values)
        {
            optimizer.Dispose();
        }

        string Ratio(string name, string to) => times.TryGetValue(to, out var others) && (to == Products || name != Products)
            ? $"{Statistics.Median(times[name].Zip(others, (time, other) => time / other)):F2}"
            : "";
    }
}
