using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Processes;

/// <summary>A trainer in several processes that MPI's launcher started; float32, with dropout, row weights, validation and early stopping.</summary>
[TestClass]
[DoNotParallelize]
public sealed partial class MpiTrainingTests
{
    private const double SingleRounding = 1e-4; // of scores
    private const double OfDifferences = 0.02; // where a step is measured by differences of logits
    private const string SomeMethods = "Ief,Sf,Ng,Kfac,AdamW";

    private static readonly string AllMethods = string.Join(',', typeof(Optimizers).GetProperties().Where(property => property.PropertyType.IsAssignableTo(typeof(OptimizerOptions))).Select(property => property.Name));
    private static readonly Lazy<Dictionary<string, double[]>> Alone = new(() => Scores(MpiRun.RunAlone("train", TinyText.Folder, AllMethods, "same", "")));

    private readonly string _folder = Directory.CreateTempSubdirectory("mpi-training").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(MpiImplementation.Mpich, 2, null)]
    [DataRow(MpiImplementation.Mpich, 3, SomeMethods)]
    [DataRow(MpiImplementation.Mpich, 4, SomeMethods)]
    [DataRow(MpiImplementation.OpenMpi, 2, SomeMethods)]
    public void Fit_InSeveralProcesses_GivesTheModelOfOne(MpiImplementation implementation, int processes, string? methods)
    {
        MpiRun.Require(implementation);

        var run = MpiRun.Run(implementation, processes, "train", TinyText.Folder, methods ?? AllMethods, "same", "");

        var found = Scores(run);
        Assert.HasCount((methods ?? AllMethods).Split(',').Length, found);
        foreach (var (method, scores) in found)
        {
            var difference = Alone.Value[method].Zip(scores, (one, other) => Math.Abs(one - other)).Max();
            Fixture.AssertLess(method is nameof(Optimizers.AdamQlr) or nameof(Optimizers.HessianFree) ? OfDifferences : SingleRounding, difference, $"{method} on {processes} processes");
        }

        StringAssert.Contains(run.Output, $"log {processes} processes: process 0 is ");
        StringAssert.Contains(run.Output, $"log Each of {processes} processes evaluates ");
    }

    [TestMethod]
    public void Fit_EachProcessReadsRowsOfItsOwn_GivesTheModelOfOneWithAll()
    {
        MpiRun.Require(MpiImplementation.Mpich);

        var run = MpiRun.Run(MpiImplementation.Mpich, 3, "train", TinyText.Folder, "Ief", "own", "");

        var difference = Alone.Value["Ief"].Zip(Scores(run)["Ief"], (one, other) => Math.Abs(one - other)).Max();
        Fixture.AssertLess(SingleRounding, difference);
        StringAssert.Contains(run.Output, "log 52 training rows; ");
    }

    [TestMethod]
    [DataRow("rows", "Process 2 of 3 differs in training rows: ")]
    [DataRow("rate", "Process 2 of 3 differs in the optimizer: ")]
    [DataRow("model", "Process 2 of 3 cannot go on: ")]
    public void Fit_ProcessThatDiffers_IsAnErrorInAll(string how, string message)
    {
        MpiRun.Require(MpiImplementation.Mpich);

        var run = MpiRun.Run(MpiImplementation.Mpich, 3, "train", TinyText.Folder, "Ief", how, "");

        Assert.AreEqual(0, run.ExitCode, run.Errors);
        StringAssert.Contains(run.Output, $"rank 0: InvalidOperationException: {message}");
        StringAssert.Contains(run.Output, $"rank 1: InvalidOperationException: {message}");
        StringAssert.Contains(run.Output, "rank 2: ");
        Assert.DoesNotContain("step 1.1", run.Output);
    }

    [TestMethod]
    [DataRow("stop")]
    [DataRow("cancel")]
    public void Fit_ProcessThatIsStopped_StopsAll(string how)
    {
        MpiRun.Require(MpiImplementation.Mpich);

        var run = MpiRun.Run(MpiImplementation.Mpich, 3, "train", TinyText.Folder, "Ief", how, "");

        Assert.AreEqual(0, run.ExitCode, run.Errors);
        Assert.HasCount(3, StoppedLine().Matches(run.Output), run.Output);
    }

    [TestMethod]
    public void Fit_ProcessThatThrows_EndsAllAndIsNamed()
    {
        MpiRun.Require(MpiImplementation.Mpich);

        var run = MpiRun.Run(MpiImplementation.Mpich, 3, "train", TinyText.Folder, "Ief", "throw", "");

        Assert.AreNotEqual(0, run.ExitCode);
        StringAssert.Contains(run.Output + run.Errors, "Process 2 of 3 (pid "); // a launcher may mix the two
        StringAssert.Contains(run.Output + run.Errors, "The callback does not like this step.");
        Assert.DoesNotContain("scores", run.Output);
    }

    // The run ends at the scores of one that was not killed, whatever the number of processes it goes on with.
    [TestMethod]
    [DataRow(3)]
    [DataRow(2)]
    public void Fit_KilledAndStartedAgain_LosesNothing(int processes)
    {
        MpiRun.Require(MpiImplementation.Mpich);
        var (pid, killed) = (0, false);

        var run = MpiRun.Run(MpiImplementation.Mpich, 3, ["train", TinyText.Folder, "Ief", "slow", _folder], KillTheSecond);
        var next = MpiRun.Run(MpiImplementation.Mpich, processes, "train", TinyText.Folder, "Ief", "same", _folder);

        Assert.IsTrue(killed, run.Output);
        Assert.AreNotEqual(0, run.ExitCode);
        StringAssert.Contains(run.Output, $"process 1 is {pid} on "); // the launcher says which process it missed
        var first = next.Output.Split('\n').First(line => line.StartsWith("step ", StringComparison.Ordinal));
        Assert.AreNotEqual("step 1.1", first.Trim());
        var difference = Alone.Value["Ief"].Zip(Scores(next)["Ief"], (one, other) => Math.Abs(one - other)).Max();
        Fixture.AssertLess(SingleRounding, difference);

        void KillTheSecond(string line)
        {
            if (PidOfTheSecond().Match(line) is { Success: true } match)
            {
                pid = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
            }

            if (line.StartsWith("step 2.2", StringComparison.Ordinal) && !killed)
            {
                killed = true;
                using var process = Process.GetProcessById(pid);
                process.Kill();
            }
        }
    }

    private static Dictionary<string, double[]> Scores(MpiRun run)
    {
        Assert.AreEqual(0, run.ExitCode, run.Errors);
        return run.Output.Split('\n').Where(line => line.StartsWith("scores ", StringComparison.Ordinal)).Select(line => line.Trim().Split(' '))
            .ToDictionary(parts => parts[1], parts => parts.Skip(2).Select(part => double.Parse(part, CultureInfo.InvariantCulture)).ToArray());
    }

    [GeneratedRegex(@"rank \d: \w*CanceledException")]
    private static partial Regex StoppedLine();

    [GeneratedRegex(@"rank 1 of 3 pid (\d+)")]
    private static partial Regex PidOfTheSecond();
}
