namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class StateFileTests
{
    [TestMethod]
    public void Create_RestOfAStream_IsInAFileOfItsOwnUntilDisposed()
    {
        using var stream = new MemoryStream([1, 2, 3, 4]) { Position = 1 };
        string path;

        using (var file = new StateFile(stream))
        {
            path = file.Path;
            CollectionAssert.AreEqual(new byte[] { 2, 3, 4 }, File.ReadAllBytes(path));
            if (!OperatingSystem.IsWindows())
            {
                Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            }
        }

        Assert.IsFalse(File.Exists(path));
        Assert.IsTrue(stream.CanRead);
    }
}
