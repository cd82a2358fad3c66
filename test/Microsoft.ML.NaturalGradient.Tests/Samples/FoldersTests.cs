using Samples;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

[TestClass]
public sealed class FoldersTests
{
    [TestMethod]
    public void CreateOutput_FolderThatTakesNoFiles_IsRefusedBeforeTheTraining()
    {
        var folder = OperatingSystem.IsLinux() ? "/proc" : typeof(FoldersTests).Assembly.Location; // a file is no folder

        var exception = Assert.ThrowsExactly<UsageException>(() => Folders.CreateOutput(folder));

        StringAssert.Contains(exception.Message, $"\"{folder}\" cannot be made or written");
    }

    [TestMethod]
    public void CreateOutput_NewFolder_IsMadeAndEmpty()
    {
        var folder = Path.Combine(Directory.CreateTempSubdirectory("folders-test-").FullName, "a", "b");

        Folders.CreateOutput(folder);

        Assert.IsEmpty(Directory.GetFileSystemEntries(folder));
        Directory.Delete(Path.GetFullPath(Path.Combine(folder, "..", "..")), recursive: true);
    }

    [TestMethod]
    public void KeepEarlier_FilesOfTwoRuns_AreMovedAside()
    {
        var folder = Directory.CreateTempSubdirectory("folders-test-").FullName;
        foreach (var run in new[] { "first", "second" })
        {
            Folders.KeepEarlier(folder, "model.zip", "loss.png");
            File.WriteAllText(Path.Combine(folder, "model.zip"), run);
        }

        Folders.KeepEarlier(folder, "model.zip", "loss.png");

        Assert.AreEqual("first", File.ReadAllText(Path.Combine(folder, "earlier-1", "model.zip")));
        Assert.AreEqual("second", File.ReadAllText(Path.Combine(folder, "earlier-2", "model.zip")));
        Assert.IsFalse(File.Exists(Path.Combine(folder, "model.zip")));
        Directory.Delete(folder, recursive: true);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Remove_FoldersOfTheSample_LeavesWhatTheCallerHas(bool hasOwn)
    {
        var folder = Directory.CreateTempSubdirectory("folders-test-").FullName;
        var checkpoints = Directory.CreateDirectory(Path.Combine(folder, "checkpoints")).FullName;
        Directory.CreateDirectory(Path.Combine(checkpoints, "iEF", "state"));
        if (hasOwn)
        {
            File.WriteAllText(Path.Combine(checkpoints, "mine.txt"), "mine");
        }

        Folders.Remove(checkpoints, ["iEF", "AdamW"]);

        CollectionAssert.AreEqual(hasOwn ? new[] { "checkpoints", "mine.txt" } : [], Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Select(Path.GetFileName).ToArray());
        Directory.Delete(folder, recursive: true);
    }

    [TestMethod]
    public void RunInTemporary_CodeThatWritesToTheCurrentFolder_TouchesNothingOfTheCallers()
    {
        var current = Directory.GetCurrentDirectory();
        var used = "";
        Folders.RunInTemporary(() =>
        {
            used = Directory.GetCurrentDirectory();
            File.WriteAllText("my-model", "new");
        });

        Assert.AreNotEqual(current, used);
        Assert.IsFalse(Directory.Exists(used));
        Assert.AreEqual(current, Directory.GetCurrentDirectory());
    }
}
