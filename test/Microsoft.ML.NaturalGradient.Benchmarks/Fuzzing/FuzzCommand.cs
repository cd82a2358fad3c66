using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.NaturalGradient.Tests.Fuzzing;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Fuzzing;

/// <summary>Reads many damaged files in a second process, so that a crash or an endless loop of it is seen and counted.</summary>
internal static class FuzzCommand
{
    private const string Started = "> ";
    private const string Ended = "< ";
    private const string Failed = "! ";

    // Of the processor's time; where that stands still, of the clock, which other programs slow down.
    private static readonly TimeSpan LongestStart = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestRead = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    /// <summary>Starts the other process as often as it ends early, and prints what was found.</summary>
    /// <param name="count">How many files.</param>
    /// <returns>0 if nothing crashed, hung, ended with an unexpected error, or was changed without a word.</returns>
    public static int Run(int count)
    {
        var (watch, tally) = (Stopwatch.StartNew(), new Dictionary<string, int>(StringComparer.Ordinal));
        for (var next = 0; next < count;)
        {
            next = RunPart(next, count, tally);
        }

        Console.WriteLine($"{count} files in {watch.Elapsed.TotalMinutes:F1} min");
        foreach (var (what, number) in tally.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            Console.WriteLine($"{what}: {number}");
        }

        return tally.Keys.Any(key => key.StartsWith('!')) ? 1 : 0;
    }

    /// <summary>The work of the second process: reads files and prints a line before and after each.</summary>
    /// <param name="from">First seed.</param>
    /// <param name="to">One past the last seed.</param>
    public static void Work(int from, int to)
    {
        var targets = FuzzTargets.Create();
        for (var seed = from; seed < to; seed++)
        {
            var target = targets[seed % targets.Count];
            Console.WriteLine($"{Started}{seed}");
            try
            {
                var outcome = target.Try(seed);
                Console.WriteLine(outcome == FuzzOutcome.Different && target.IsSealed ? $"{Failed}silent change, {target.Name}" : $"{Ended}{target.Name}: {outcome}");
            }
            catch (Exception e)
            {
                Console.WriteLine($"{Failed}{e.GetType().Name}, {target.Name}");
                Console.Error.WriteLine($"{target.Name}, seed {seed}: {e}");
            }
        }
    }

    private static int RunPart(int from, int to, Dictionary<string, int> tally)
    {
        string[] arguments = [typeof(FuzzCommand).Assembly.Location, "fuzz-part", $"{from}", $"{to}"];
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true })!;
        var (current, limit) = (from - 1, LongestStart);
        while (true)
        {
            var line = process.StandardOutput.ReadLineAsync();
            if (!IsDone(line, process, limit))
            {
                Report(tally, "! hang", current);
                process.Kill();
                return current + 1;
            }

            switch (line.Result)
            {
                case null:
                    process.WaitForExit();
                    if (process.ExitCode != 0)
                    {
                        Report(tally, $"! crash with exit code {process.ExitCode}", current); // 143 and 137: ended by somebody
                    }

                    return process.ExitCode == 0 ? to : current + 1;
                case var text when text.StartsWith(Started, StringComparison.Ordinal):
                    (current, limit) = (int.Parse(text.AsSpan(Started.Length), CultureInfo.InvariantCulture), LongestRead);
                    break;
                case var text when text.StartsWith(Failed, StringComparison.Ordinal):
                    Report(tally, text, current);
                    break;
                case var text:
                    Count(tally, text[Ended.Length..]);
                    break;
            }
        }
    }

    private static bool IsDone(Task line, Process process, TimeSpan limit)
    {
        if (line.Wait(limit))
        {
            return true;
        }

        var (watch, before) = (Stopwatch.StartNew(), process.TotalProcessorTime);
        while (watch.Elapsed < LongestWait)
        {
            if (line.Wait(TimeSpan.FromSeconds(1)))
            {
                return true;
            }

            process.Refresh();
            if (!process.HasExited && process.TotalProcessorTime - before > limit)
            {
                return false;
            }
        }

        return false;
    }

    private static void Report(Dictionary<string, int> tally, string what, int seed)
    {
        Count(tally, what);
        Console.WriteLine($"{what}, seed {seed}");
    }

    private static void Count(Dictionary<string, int> tally, string what) => tally[what] = tally.GetValueOrDefault(what) + 1;
}
