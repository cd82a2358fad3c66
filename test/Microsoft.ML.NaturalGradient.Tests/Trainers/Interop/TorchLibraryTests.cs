using Microsoft.ML.NaturalGradient.Interop;

namespace Microsoft.ML.NaturalGradient.Tests.Interop;

[TestClass]
public sealed class TorchLibraryTests
{
    [TestMethod]
    public void EnsureLoadable_WhereTestsRun_Returns() => TorchLibrary.EnsureLoadable();

    [TestMethod]
    public void Describe_OldRuntime_NamesTheSymbolAndThePackage()
    {
        var message = TorchLibrary.Describe(isWindows: false, hasNewRuntime: false, "a package is missing.");

        Assert.Contains("GLIBCXX_3.4.32", message);
        Assert.Contains("libstdc++6", message);
        Assert.DoesNotContain("a package is missing", message);
    }

    [TestMethod]
    public void Describe_NoPackage_KeepsTheCauseAndNamesThePackages()
    {
        var message = TorchLibrary.Describe(isWindows: false, hasNewRuntime: true, "libtorch was not found.");

        Assert.Contains("libtorch was not found.", message);
        Assert.Contains("dotnet add package NaturalGradient.MLNet.Cpu", message);
        Assert.Contains("libtorch-cpu-linux-x64", message);
        Assert.DoesNotContain("Windows", message);
    }

    [TestMethod]
    public void Describe_Windows_NamesTheKnownProblem() =>
        Assert.Contains("1567", TorchLibrary.Describe(isWindows: true, hasNewRuntime: true, "it does not load."));
}
