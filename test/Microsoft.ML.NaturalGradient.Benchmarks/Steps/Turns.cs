using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.NaturalGradient.Numerics;
using ReplicationSample;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>Two builds of the benchmarks that make the same steps in turns, so that a machine that slows down slows both.</summary>
internal static class Turns
{
    private static readonly string[] Names = ["products", "AdamW", "iEF"];

    /// <summary>Compares this build with another one and prints, by kind of step, both medians and the median of the ratios of neighbouring steps.</summary>
    /// <param name="other">Path of the other build's <c>Microsoft.ML.NaturalGradient.Benchmarks.dll</c>.</param>
    /// <param name="rounds">Steps of each kind, after three to warm up.</param>
    public static void Compare(string other, int rounds)
    {
        const int WarmUp = 3;
        using var before = Start(other);
        using var after = Start(typeof(Turns).Assembly.Location);
        foreach (var name in Names)
        {
            var times = Enumerable.Range(0, rounds + WarmUp).Select(round =>
            {
                // Who goes first changes from round to round.
                var first = Ask(round % 2 == 0 ? before : after, name);
                var second = Ask(round % 2 == 0 ? after : before, name);
                return round % 2 == 0 ? (Before: first, After: second) : (Before: second, After: first);
            }).Skip(WarmUp).ToArray();
            var ratios = times.Select(time => time.After / time.Before).Order().ToArray();
            Console.WriteLine(
                $"{name,-10} other {Statistics.Median(times.Select(time => time.Before)),8:F1} ms   this {Statistics.Median(times.Select(time => time.After)),8:F1} ms   ratio {Statistics.Median(ratios):F4} (quartiles {ratios[rounds / 4]:F3} to {ratios[3 * rounds / 4]:F3})");
        }

        before.StandardInput.Close();
        after.StandardInput.Close();
        before.WaitForExit();
        after.WaitForExit();
    }

    /// <summary>Makes one step for each line of the input that names its kind, and answers with its milliseconds.</summary>
    public static void Work()
    {
        using var heap = new NativeHeap();
        using var work = new LoraWork(32, 64);
        using var products = new MatrixProducts(32, 64, layers: 6, width: 384, inner: 1536, heads: 12, rank: 8);
        var optimizers = new Dictionary<string, Optimizer>();
        while (Console.ReadLine() is { } name)
        {
            if (name != "products" && !optimizers.ContainsKey(name))
            {
                OptimizerOptions options = name == "iEF" ? Optimizers.Ief : Optimizers.AdamW;
                optimizers.Add(name, options.Create([.. work.Parameters], 1));
            }

            var watch = Stopwatch.StartNew();
            if (name == "products")
            {
                using var noGrad = TorchSharp.torch.no_grad();
                products.Run();
            }
            else
            {
                work.Step(optimizers[name]);
            }

            Console.WriteLine(watch.Elapsed.TotalMilliseconds);
        }

        foreach (var optimizer in optimizers.Values)
        {
            optimizer.Dispose();
        }
    }

    private static Process Start(string assembly) => Process.Start(new ProcessStartInfo("dotnet", [assembly, "turn"])
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
    })!;

    private static double Ask(Process worker, string name)
    {
        worker.StandardInput.WriteLine(name);
        return double.Parse(worker.StandardOutput.ReadLine() ?? throw new InvalidOperationException("A worker ended; its error is above."), CultureInfo.InvariantCulture);
    }
}
