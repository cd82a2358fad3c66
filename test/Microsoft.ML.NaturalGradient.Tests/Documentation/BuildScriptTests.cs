using System.Diagnostics;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>The script that builds everything, called in other ways than from its folder.</summary>
[TestClass]
public sealed class BuildScriptTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("build script").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Root_ByALinkInAnotherFolder_IsTheRepository()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("Needs bash.");
        }

        var link = Path.Combine(_folder, "a link.sh");
        File.CreateSymbolicLink(link, Path.Combine(CodeExampleTests.RepositoryRoot(), "build.sh"));

        using var process = Process.Start(new ProcessStartInfo("bash", ["-c", "source \"$0\" help && printf '%s' \"$ROOT\"", link])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.AreEqual(0, process.ExitCode, errors.GetAwaiter().GetResult());
        StringAssert.StartsWith(output, "Usage: ./build.sh VERB");
        Assert.IsTrue(File.Exists(Path.Combine(output[(output.LastIndexOf('\n') + 1)..], "NaturalGradient.MLNet.sln")), output);
    }
}
