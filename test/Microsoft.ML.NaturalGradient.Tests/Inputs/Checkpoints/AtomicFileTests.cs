using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class AtomicFileTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("atomic-file").FullName;

    private string Target => Path.Combine(_folder, "model.zip");

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Write_NewAndOldFile_LeavesNothingBesideIt()
    {
        AtomicFile.Write(Target, stream => stream.Write("first"u8));
        AtomicFile.Write(Target, stream => stream.Write("next"u8));

        Assert.AreEqual("next", File.ReadAllText(Target));
        Assert.HasCount(1, Directory.GetFileSystemEntries(_folder));
    }

    [TestMethod]
    public void Write_ThrowsHalfway_KeepsTheOldFile()
    {
        File.WriteAllText(Target, "old");

        Assert.ThrowsExactly<IOException>(() => AtomicFile.Write(Target, stream =>
        {
            stream.Write("half"u8);
            throw new IOException("the disk is full");
        }));

        Assert.AreEqual("old", File.ReadAllText(Target));
        Assert.HasCount(1, Directory.GetFileSystemEntries(_folder));
    }

    [TestMethod]
    public void Write_AfterAnInterruptedOne_RemovesItsLeftoverOnly()
    {
        File.WriteAllText(Path.Combine(_folder, ".model.zip.0123.partial"), "half");
        File.WriteAllText(Path.Combine(_folder, ".other.zip.0123.partial"), "of another file");

        AtomicFile.Write(Target, stream => stream.Write("new"u8));

        CollectionAssert.AreEquivalent(new[] { "model.zip", ".other.zip.0123.partial" }, Directory.GetFiles(_folder).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public void Write_NameAsLongAsNamesMayBe_IsWrittenAndLeavesNothingBesideIt()
    {
        var target = Path.Combine(_folder, new string('n', 251) + ".zip");

        AtomicFile.Write(target, stream => stream.Write("first"u8));
        AtomicFile.Write(target, stream => stream.Write("next"u8));

        Assert.AreEqual("next", File.ReadAllText(target));
        Assert.HasCount(1, Directory.GetFileSystemEntries(_folder));
    }

    [TestMethod]
    public void Write_WhileAnotherWrites_LeavesTheOthersWork()
    {
        AtomicFile.Write(Target, outer =>
        {
            outer.Write("outer"u8);
            AtomicFile.Write(Target, inner => inner.Write("inner"u8));
            Assert.AreEqual("inner", File.ReadAllText(Target));
        });

        Assert.AreEqual("outer", File.ReadAllText(Target));
    }

    [TestMethod]
    public async Task Write_ManyAtOnce_AllSucceed()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Factory.StartNew(() =>
        {
            for (var round = 0; round < 500; round++)
            {
                AtomicFile.Write(Target, stream => stream.Write("whole"u8));
            }
        }, default, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

        Assert.AreEqual("whole", File.ReadAllText(Target));
        Assert.HasCount(1, Directory.GetFileSystemEntries(_folder));
    }

    [TestMethod]
    public void Write_LinkAndMode_StayAsTheyAre()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("Links and modes are Unix's here.");
            return;
        }

        File.WriteAllText(Target, "old");
        File.SetUnixFileMode(Target, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite);
        var link = File.CreateSymbolicLink(Path.Combine(_folder, "link.zip"), Target).FullName;

        AtomicFile.Write(link, stream => stream.Write("new"u8));

        Assert.AreEqual("new", File.ReadAllText(Target));
        Assert.AreEqual(Target, new FileInfo(link).LinkTarget);
        Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite, File.GetUnixFileMode(Target));
    }

    [TestMethod]
    public void Write_NoSuchFolder_SaysSo() => Assert.ThrowsExactly<DirectoryNotFoundException>(
        () => AtomicFile.Write(Path.Combine(_folder, "absent", "model.zip"), stream => stream.Write("new"u8)));
}
