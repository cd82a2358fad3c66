using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Microsoft.ML.NaturalGradient.Numerics;
using ReplicationSample;
using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>Two builds of the benchmarks that make the same steps in turns, so that a machine that slows down slows both.</summary>
internal static class Turns
{
    private const string Products = "products"; // the floor

    /// <summary>Compares this build with another one and prints, by kind of step, the medians of time and processor time, and of the ratios of neighbouring steps.</summary>
    /// <param name="other">Path of the other build's <c>Microsoft.ML.NaturalGradient.Benchmarks.dll</c>.</param>
    /// <param name="rounds">Steps of each kind, after three to warm up.</param>
    public static void Compare(string other, int rounds)
    {
        const int WarmUp = 3;
        if (!File.Exists(other))
        {
            throw new UsageException($"There is no file \"{other}\".");
        }

        using var before = Start(other);
        using var after = Start(typeof(Turns).Assembly.Location);
        Console.WriteLine("| one step | other: ms | processor, ms | this: ms | processor, ms | ratio of times | of processor times |\n|---|---|---|---|---|---|---|");
        var methods = typeof(Optimizers).GetProperties(BindingFlags.Public | BindingFlags.Static).Select(property => property.Name);
        foreach (var name in methods.Prepend(Products))
        {
            var steps = Enumerable.Range(0, rounds + WarmUp).Select(round =>
            {
                // Who goes first changes from round to round.
                var first = Ask(round % 2 == 0 ? before : after, name);
                var second = Ask(round % 2 == 0 ? after : before, name);
                return round % 2 == 0 ? (Before: first, After: second) : (Before: second, After: first);
            }).Skip(WarmUp).ToArray();
            Console.WriteLine($"| {name} | {Middle(step => step.Before.Time):F1} | {Middle(step => step.Before.Processor):F0} | {Middle(step => step.After.Time):F1} | "
                + $"{Middle(step => step.After.Processor):F0} | {Middle(step => step.After.Time / step.Before.Time):F3} | {Middle(step => step.After.Processor / step.Before.Processor):F3} |");

            double Middle(Func<((double Time, double Processor) Before, (double Time, double Processor) After), double> of) => Statistics.Median(steps.Select(of));
        }

        before.StandardInput.Close();
        after.StandardInput.Close();
        before.WaitForExit();
        after.WaitForExit();
    }

    /// <summary>Makes one step for each line of the input that names its method, and answers with its milliseconds and those of the processors.</summary>
    public static void Work()
    {
        using var heap = new NativeHeap();
        using var work = new LoraWork(32, 64);
        using var products = new MatrixProducts(32, 64, layers: 6, width: 384, inner: 1536, heads: 12, rank: 8);
        using var process = Process.GetCurrentProcess();
        var optimizers = new Dictionary<string, Optimizer>();
        while (Console.ReadLine() is { } name)
        {
            if (name != Products && !optimizers.ContainsKey(name))
            {
                var options = (OptimizerOptions)typeof(Optimizers).GetProperty(name)!.GetValue(null)!;
                optimizers.Add(name, options.Create([.. work.Parameters], 1));
            }

            process.Refresh();
            var (watch, processor) = (Stopwatch.StartNew(), process.TotalProcessorTime);
            if (name == Products)
            {
                using var noGrad = TorchSharp.torch.no_grad();
                products.Run();
            }
            else
            {
                work.Step(optimizers[name]);
            }

            var time = watch.Elapsed;
            process.Refresh();
            Console.WriteLine($"{time.TotalMilliseconds} {(process.TotalProcessorTime - processor).TotalMilliseconds}");
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

    private static (double Time, double Processor) Ask(Process worker, string name)
    {
        worker.StandardInput.WriteLine(name);
        var answer = (worker.StandardOutput.ReadLine() ?? throw new InvalidOperationException("A worker ended; its error is above."))
            .Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray();
        return (answer[0], answer[1]);
    }
}
