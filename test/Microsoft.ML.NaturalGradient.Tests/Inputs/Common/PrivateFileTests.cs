namespace Microsoft.ML.NaturalGradient.Tests;

[TestClass]
public sealed class PrivateFileTests
{
    [TestMethod]
    public void Options_OnUnix_LetOnlyTheUserReadTheFile()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("Windows keeps temporary folders apart by user.");
            return; // for the analyzer
        }

        using var file = new FileStream(
            Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), PrivateFile.Options(FileAccess.Write, FileOptions.DeleteOnClose));

        Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file.SafeFileHandle));
    }
}
