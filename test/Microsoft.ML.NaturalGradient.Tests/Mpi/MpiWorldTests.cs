using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.NaturalGradient.Processes;

namespace Microsoft.ML.NaturalGradient.Tests.Processes;

/// <summary>Real processes over the implementations of MPI that are installed.</summary>
[TestClass]
public sealed partial class MpiWorldTests
{
    [TestMethod]
    [DataRow(MpiImplementation.Mpich, 1)]
    [DataRow(MpiImplementation.Mpich, 2)]
    [DataRow(MpiImplementation.Mpich, 3)]
    [DataRow(MpiImplementation.Mpich, 4)]
    [DataRow(MpiImplementation.OpenMpi, 1)]
    [DataRow(MpiImplementation.OpenMpi, 2)]
    [DataRow(MpiImplementation.OpenMpi, 3)]
    [DataRow(MpiImplementation.OpenMpi, 4)]
    public void EveryOperation_UnevenAndEmptyPieces_GivesTheObviousResult(MpiImplementation implementation, int processes)
    {
        var run = MpiRun.Run(implementation, processes, "collectives");

        AssertEachSaid(run, processes, "all right");
    }

    [TestMethod]
    [DataRow(MpiImplementation.Mpich)]
    [DataRow(MpiImplementation.OpenMpi)]
    public void World_AfterInitialisation_LeavesNullReferencesToDotNet(MpiImplementation implementation)
    {
        var run = MpiRun.Run(implementation, 2, ["signals"], null, ("UCX_HANDLE_ERRORS", "bt")); // UCX's default, which catches SIGSEGV

        AssertEachSaid(run, 2, "caught");
    }

    [TestMethod]
    [DataRow(MpiImplementation.Mpich)]
    [DataRow(MpiImplementation.OpenMpi)]
    public void World_TwoThreadsAtOnce_RefusesOne(MpiImplementation implementation)
    {
        var run = MpiRun.Run(implementation, 2, "threads");

        Assert.AreEqual(0, run.ExitCode, run.Errors);
        StringAssert.Contains(run.Output, "refused 1: Two threads called Mpi.World at the same time");
    }

    [TestMethod]
    [DataRow(MpiImplementation.Mpich, "throw", null, "FormatException: a row that cannot be read")]
    [DataRow(MpiImplementation.Mpich, "abort", 1, "): the loss is not a number.")]
    [DataRow(MpiImplementation.Mpich, "return", 3, "): ends with exit code 3, and with it all others.")]
    [DataRow(MpiImplementation.Mpich, "exit", 4, "): ends with exit code 4, and with it all others.")]
    [DataRow(MpiImplementation.Mpich, "exit-on-thread", 5, "): ends with exit code 5, and with it all others.")]
    [DataRow(MpiImplementation.Mpich, "leave-thread", 1, "): ends while one of its threads waits for the other processes.")]
    [DataRow(MpiImplementation.OpenMpi, "throw", null, "FormatException: a row that cannot be read")]
    [DataRow(MpiImplementation.OpenMpi, "abort", 1, "): the loss is not a number.")]
    [DataRow(MpiImplementation.OpenMpi, "return", 3, "): ends with exit code 3, and with it all others.")]
    [DataRow(MpiImplementation.OpenMpi, "exit", 4, "): ends with exit code 4, and with it all others.")]
    [DataRow(MpiImplementation.OpenMpi, "exit-on-thread", 5, "): ends with exit code 5, and with it all others.")]
    [DataRow(MpiImplementation.OpenMpi, "leave-thread", 1, "): ends while one of its threads waits for the other processes.")]
    public void OneProcess_EndsBadly_EndsTheOthersAndSaysWhy(MpiImplementation implementation, string how, int? code, string message)
    {
        var run = MpiRun.Run(implementation, 3, "fail", how);

        Assert.AreNotEqual(0, run.ExitCode);
        Assert.AreEqual(code ?? run.ExitCode, run.ExitCode, run.Errors);
        StringAssert.Contains(run.Output + run.Errors, message); // a launcher may mix the two
        if (code is not null)
        {
            StringAssert.Contains(run.Output + run.Errors, "Process 2 of 3 (pid ");
        }
    }

    [TestMethod]
    [DataRow(MpiImplementation.Mpich)]
    [DataRow(MpiImplementation.OpenMpi)]
    public void OneProcess_Killed_EndsTheOthers(MpiImplementation implementation)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("MPI is tested on Unix.");
        }

        var seen = 0;
        var run = MpiRun.Run(implementation, 3, ["fail", "kill"], KillTheLast);

        Assert.AreEqual(1, seen);
        Assert.AreNotEqual(0, run.ExitCode);
        Assert.DoesNotContain("nobody failed", run.Output);

        void KillTheLast(string line)
        {
            if (PidOfTheLast().Match(line) is { Success: true } match)
            {
                seen++;
                using var process = Process.GetProcessById(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
                process.Kill();
            }
        }
    }

    [TestMethod]
    [DataRow(MpiImplementation.Mpich)]
    [DataRow(MpiImplementation.OpenMpi)]
    public void World_FileThatIsNotThere_SaysWhichVariableNamesIt(MpiImplementation implementation)
    {
        var run = MpiRun.Run(implementation, 1, ["collectives"], null, (MpiLibrary.Variable, "/no/libmpi.so"));

        Assert.AreNotEqual(0, run.ExitCode);
        StringAssert.Contains(run.Output + run.Errors, $"{MpiLibrary.Variable} names '/no/libmpi.so', which cannot be loaded");
    }

    [TestMethod]
    public void World_LibraryOfAnotherLauncher_IsAnError()
    {
        MpiRun.Require(MpiImplementation.Mpich);
        MpiRun.Require(MpiImplementation.OpenMpi);

        var run = MpiRun.Run(MpiImplementation.OpenMpi, 2, ["collectives"], null, (MpiLibrary.Variable, MpiLibrary.NamesOf(MpiFamily.Mpich)[0]));

        Assert.AreNotEqual(0, run.ExitCode);
        StringAssert.Contains(run.Output + run.Errors, "The launcher started 2 processes, but ");
    }

    [TestMethod]
    public void World_WithoutLauncher_IsOneProcessOfOne() => AssertEachSaid(MpiRun.RunAlone("collectives"), 1, "all right");

    private static void AssertEachSaid(MpiRun run, int processes, string text)
    {
        Assert.AreEqual(0, run.ExitCode, run.Errors);
        for (var rank = 0; rank < processes; rank++)
        {
            StringAssert.Contains(run.Output, $"rank {rank} of {processes}: {text}");
        }
    }

    [GeneratedRegex(@"rank 2 of 3 pid (\d+)")]
    private static partial Regex PidOfTheLast();
}
