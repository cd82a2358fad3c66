using System.Globalization;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class FolderSaveTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("folder-save").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Commit_ReplacesAllAtOnce_AndKeepsWhatIsNotTheModels()
    {
        Put("config.json=old", "model.safetensors=old", "vocab.txt=old", "notes.txt=mine");

        using (var save = FolderSave.Begin(_folder))
        {
            save.Write("config.json", stream => stream.Write("new"u8));
            save.Write("model.safetensors", stream => stream.Write("new"u8));
            Assert.AreEqual("config.json=old model.safetensors=old notes.txt=mine vocab.txt=old", Content());
            save.Commit(CheckpointFiles.SmallNames);
        }

        // What sha256sum prints for a file with "new".
        Assert.AreEqual(
            "config.json=new model.safetensors=new model.safetensors.sha256=11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437  model.safetensors\n notes.txt=mine", Content());
        Assert.IsEmpty(Directory.GetDirectories(_folder));
    }

    [TestMethod]
    [DataRow("config.json")]
    [DataRow("vocab.txt")] // of the model before, as it is called
    public void Commit_NameIsThatOfAFolder_IsRefusedAndNothingChanges(string name)
    {
        Put("model.safetensors=old", $"{name}/notes.txt=mine");

        using (var save = FolderSave.Begin(_folder))
        {
            save.Write("config.json", stream => stream.Write("new"u8));
            save.Write("model.safetensors", stream => stream.Write("new"u8));
            var error = Assert.ThrowsExactly<IOException>(() => save.Commit(CheckpointFiles.SmallNames));
            Assert.Contains($"'{Path.Combine(_folder, name)}' is a folder", error.Message);
        }

        Assert.AreEqual("model.safetensors=old", Content());
        Assert.HasCount(1, Directory.GetDirectories(_folder));
    }

    [TestMethod]
    public void Dispose_WithoutCommit_LeavesTheFolderAsItWas()
    {
        Put("config.json=old");
        var made = Path.Combine(_folder, "new");

        foreach (var folder in new[] { _folder, made })
        {
            using var save = FolderSave.Begin(folder);
            save.Write("config.json", stream => stream.Write("half"u8));
        }

        Assert.AreEqual("config.json=old", Content());
        Assert.IsFalse(Directory.Exists(made));
    }

    [TestMethod]
    public void Finish_InterruptedWhileMoving_CompletesTheNewModel()
    {
        // Killed after old weights were deleted and one file was moved.
        Put("config.json=new", "vocab.txt=old", "notes.txt=mine", ".saved/model.safetensors=new", ".saved/tokenizer.json=new", ".saved/.stale=vocab.txt");

        FolderSave.Finish(_folder);

        Assert.AreEqual("config.json=new model.safetensors=new notes.txt=mine tokenizer.json=new", Content());
        Assert.IsEmpty(Directory.GetDirectories(_folder));
    }

    [TestMethod]
    public void Begin_AfterInterruptedSaves_TidiesUp()
    {
        Put("config.json=old", ".saving/config.json=half", ".saved/config.json=whole");

        using (FolderSave.Begin(_folder))
        {
            Assert.AreEqual("config.json=whole", Content());
        }

        Assert.AreEqual("config.json=whole", Content());
        Assert.IsEmpty(Directory.GetDirectories(_folder));
    }

    [TestMethod]
    public async Task Begin_ManyAtOnce_SaveOneAfterTheOther()
    {
        var (made, inside) = (Path.Combine(_folder, "new"), 0);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(saver => Task.Factory.StartNew(() =>
        {
            for (var round = 0; round < 50; round++)
            {
                using var save = FolderSave.Begin(made);
                Assert.AreEqual(1, Interlocked.Increment(ref inside));
                save.Write("config.json", stream => stream.Write("whole"u8));
                if ((saver + round) % 3 == 0)
                {
                    save.Commit(CheckpointFiles.SmallNames);
                }

                Interlocked.Decrement(ref inside);
            }
        }, default, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

        Assert.AreEqual("whole", File.ReadAllText(Path.Combine(made, "config.json")));
        Assert.HasCount(1, Directory.GetFileSystemEntries(made));
    }

    [TestMethod]
    public async Task Begin_SaveIntoANewFolderIsGivenUp_MakesTheFolderAgain()
    {
        var made = Path.Combine(_folder, "new");
        for (var round = 0; round < 5; round++)
        {
            var first = FolderSave.Begin(made);
            var second = Task.Run(() =>
            {
                using var save = FolderSave.Begin(made);
                save.Write("config.json", stream => stream.Write("whole"u8));
                save.Commit(CheckpointFiles.SmallNames);
            });
            Thread.Sleep(20); // it waits for the first meanwhile
            first.Dispose();
            await second;

            Assert.AreEqual("whole", File.ReadAllText(Path.Combine(made, "config.json")));
            Directory.Delete(made, recursive: true);
        }
    }

    [TestMethod]
    [DataRow("../{0}/victim.txt")]
    [DataRow("{1}/victim.txt", DisplayName = "absolute")]
    [DataRow("config.json\n..\\{0}\\victim.txt")]
    public void Finish_ListNamesAFileOutside_IsRefusedAndNothingChanges(string list)
    {
        using var outside = new Outside("victim.txt");
        Put("config.json=old", ".saved/model.safetensors=new", ".saved/.stale=" + string.Format(CultureInfo.InvariantCulture, list, outside.Name, outside.Path));

        var error = Assert.ThrowsExactly<InvalidDataException>(() => PretrainedModel.FromFolder(_folder).Open());

        StringAssert.Contains(error.Message, "which is no file of the folder");
        StringAssert.Contains(error.Message, "victim.txt");
        Assert.IsTrue(outside.Has("victim.txt"));
        Assert.AreEqual("config.json=old", Content());
    }

    [TestMethod]
    public void Finish_SavedIsALink_IsRefusedAndMovesNothing()
    {
        using var outside = new Outside("victim.txt");
        Put("config.json=old");
        outside.LinkFrom(Path.Combine(_folder, ".saved"));

        var error = Assert.ThrowsExactly<InvalidDataException>(() => PretrainedModel.FromFolder(_folder).Open());

        StringAssert.Contains(error.Message, $"is a link to '{outside.Path}'");
        Assert.IsTrue(outside.Has("victim.txt"));
        Assert.AreEqual("config.json=old", Content());
    }

    [TestMethod]
    public void Begin_StagingOrPartOfItIsALink_LeavesWhatItLeadsTo()
    {
        using var outside = new Outside("victim.txt");
        outside.LinkFrom(Path.Combine(_folder, ".saving"));
        Put(".saved/config.json=whole");
        outside.LinkFrom(Path.Combine(_folder, ".saved", "more"));

        using (var save = FolderSave.Begin(_folder))
        {
            save.Write("config.json", stream => stream.Write("new"u8));
            save.Commit(CheckpointFiles.SmallNames);
        }

        Assert.AreEqual("config.json=new", Content());
        Assert.IsTrue(outside.Has("victim.txt"));
        Assert.IsFalse(outside.Has("config.json"));
    }

    [TestMethod]
    public void Begin_LockIsALink_IsRefusedAndMakesNoFile()
    {
        using var outside = new Outside();
        outside.LinkFrom(Path.Combine(_folder, ".saving.lock"), "made.txt");

        var error = Assert.ThrowsExactly<IOException>(() => FolderSave.Begin(_folder));

        StringAssert.Contains(error.Message, "is a link to");
        Assert.IsFalse(outside.Has("made.txt"));
    }

    private void Put(params string[] files)
    {
        foreach (var file in files.Select(file => file.Split('=')))
        {
            var path = Path.Combine(_folder, file[0]);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, file[1]);
        }
    }

    private string Content() => string.Join(' ', Directory.GetFiles(_folder).Order(StringComparer.Ordinal)
        .Where(path => Path.GetExtension(path) != ".lock").Select(path => $"{Path.GetFileName(path)}={File.ReadAllText(path)}"));
}
