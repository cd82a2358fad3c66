using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Interop;

/// <summary>A process that is killed while it trains loses nothing: started again, it ends at the scores of one that was not killed.</summary>
[TestClass]
public sealed class KilledTrainingTests
{
    private const string CountVariable = "KILLS"; // how many, instead of the usual; 50 take some minutes

    private static readonly string[] Kinds = ["text", "number", "picture"];
    private static readonly string[] Methods = ["Ief", "AdamW", "Sf", "Kfac", "Ef", "Adafactor", "SirfShampoo", "AdaFisher"];

    private readonly string _folder = Directory.CreateTempSubdirectory("killed-training").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Kill_WhileTraining_LosesNothing()
    {
        var count = int.TryParse(Environment.GetEnvironmentVariable(CountVariable), CultureInfo.InvariantCulture, out var asked) ? asked : 3;
        var expected = new Dictionary<(string, string), string>();
        var random = new Random(11);
        var kills = 0;
        for (var run = 0; kills < count; run++)
        {
            var (kind, method) = (Kinds[run % Kinds.Length], Methods[run % Methods.Length]);
            if (!expected.TryGetValue((kind, method), out var scores))
            {
                expected.Add((kind, method), scores = Finish(kind, method, "").Scores);
            }

            var checkpoints = Path.Combine(_folder, run.ToString(CultureInfo.InvariantCulture));
            var hasState = false;
            for (var reports = random.Next(1, 8); kills < count && Kill(kind, method, checkpoints, reports, random.Next(12)); reports = random.Next(1, 8))
            {
                kills++;
                hasState |= reports > 1; // the second report comes after the first state
                if (random.Next(2) == 0)
                {
                    break;
                }
            }

            var (found, first) = Finish(kind, method, checkpoints);
            Assert.AreEqual(scores, found, $"{kind}, {method}, run {run}");
            Assert.IsTrue(!hasState || first != "step 1.1", $"{kind}, {method}, run {run}: it began anew");
        }
    }

    private static Process Start(string kind, string method, string checkpoints)
    {
        const string Name = "Microsoft.ML.NaturalGradient.TrainingProcess";
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(output.Parent!.Parent!.FullName, Name, output.Name, Name + ".dll");
        var start = new ProcessStartInfo(
            "dotnet", [program, kind, method, kind == "picture" ? TinyImages.ModelFolder() : TinyText.Folder, checkpoints, TinyImages.Folder])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["OMP_NUM_THREADS"] = "1"; // equal bits need as many threads
        return Process.Start(start)!;
    }

    // The scores, and the first report.
    private static (string Scores, string First) Finish(string kind, string method, string checkpoints)
    {
        using var process = Start(kind, method, checkpoints);
        var errors = process.StandardError.ReadToEndAsync();
        var lines = process.StandardOutput.ReadToEnd().Split('\n');
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, errors.GetAwaiter().GetResult());
        return (lines.Single(line => line.StartsWith("scores ", StringComparison.Ordinal)), lines[0]);
    }

    // Whether the process was still training.
    private static bool Kill(string kind, string method, string checkpoints, int afterReports, int milliseconds)
    {
        using var process = Start(kind, method, checkpoints);
        var errors = process.StandardError.ReadToEndAsync();
        for (var report = 0; report < afterReports; report++)
        {
            if (process.StandardOutput.ReadLine() is not { } line || !line.StartsWith("step ", StringComparison.Ordinal))
            {
                process.WaitForExit();
                Assert.AreEqual(0, process.ExitCode, errors.GetAwaiter().GetResult());
                return false;
            }
        }

        Thread.Sleep(milliseconds); // somewhere in a step, or in the writing of a state
        process.Kill();
        process.WaitForExit();
        return true;
    }
}
