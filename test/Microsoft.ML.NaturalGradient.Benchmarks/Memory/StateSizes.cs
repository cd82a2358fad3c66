using Microsoft.ML.NaturalGradient.Benchmarks.Steps;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Memory;

/// <summary>What each optimizer keeps between steps of MiniLM with LoRA, in bytes for each number that is trained.</summary>
internal static class StateSizes
{
    private const int Steps = 2; // what is made late is there then
    private const int Samples = 4;
    private const int Tokens = 16;

    /// <summary>Takes two steps with each optimizer and prints a table in Markdown.</summary>
    public static void Run()
    {
        Console.WriteLine("| optimizer | state, bytes | ÷ trained numbers | largest parts |\n|---|---|---|---|");
        foreach (var (name, options) in OptimizerFamily.Members)
        {
            using var work = new LoraWork(Samples, Tokens);
            using var optimizer = options.Create(work.Parameters, 1);
            for (var step = 0; step < Steps; step++)
            {
                work.Step(optimizer);
            }

            using var state = optimizer.SaveState();
            var trained = work.Parameters.Sum(parameter => parameter.numel());
            var parts = state.Values.GroupBy(pair => pair.Key.Split('.')[0], pair => pair.Value.numel() * pair.Value.ElementSize)
                .OrderByDescending(group => group.Sum()).Take(3).Select(group => $"{group.Key} {group.Sum():N0}");
            Console.WriteLine(
                $"| {name} | {state.ByteCount:N0} | {state.ByteCount / (double)trained:F2} | {string.Join("; ", parts)} |");
        }
    }
}
