using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Interop;

/// <summary>A disk that is full, or becomes full in the middle of a file, takes nothing of what was there before.</summary>
[TestClass]
public sealed class FullDiskTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    public void Fit_DiskBecomesFull_TrainsOnAndKeepsTheState()
    {
        using var disk = new SmallDisk(4096);
        var (expected, _) = Train(null);

        var (scores, warnings) = Train(disk.Folder, onReport: progress =>
        {
            if (progress is { Epoch: 2, Step: 1 })
            {
                disk.Fill(freeBlocks: 3);
            }
        });

        CollectionAssert.AreEqual(expected, scores);
        Assert.HasCount(2, warnings); // of epochs 2 and 3
        StringAssert.Matches(warnings[0], new("could not be saved .* No space left on device .*'. The training goes on\\."));
        disk.Free();
        TrainingProgress? first = null;
        CollectionAssert.AreEqual(expected, Train(disk.Folder, onReport: progress => first ??= progress).Scores);
        Assert.AreEqual((2, 1), (first!.Epoch, first.Step)); // the state of epoch 1 was still there
    }

    [TestMethod]
    public void Fit_DiskIsFullFromTheStart_TrainsAsWithout()
    {
        using var disk = new SmallDisk(4096);
        disk.Fill();

        var (scores, warnings) = Train(disk.Folder);

        CollectionAssert.AreEqual(Train(null).Scores, scores);
        Assert.HasCount(3, warnings);
    }

    [TestMethod]
    public void SaveAtomically_DiskIsFull_KeepsTheOldFile()
    {
        using var disk = new SmallDisk(4096);
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16));
        var path = Path.Combine(disk.Folder, "model.zip");
        _mlContext.Model.SaveAtomically(model, null, path);
        var before = File.ReadAllBytes(path);
        for (var free = 0; free * SmallDisk.BlockSize < before.Length; free++)
        {
            disk.Fill(free);

            var error = Assert.ThrowsExactly<IOException>(() => _mlContext.Model.SaveAtomically(model, null, path), $"{free} blocks are free");

            StringAssert.Contains(error.Message, "No space left on device");
            CollectionAssert.AreEqual(before, File.ReadAllBytes(path));
            Assert.HasCount(2, Directory.GetFiles(disk.Folder));
        }
    }

    [TestMethod]
    public void SavePretrainedAndSavePeft_DiskIsFull_KeepTheOldFiles()
    {
        using var disk = new SmallDisk(4096);
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16));
        var (whole, adapter) = (Path.Combine(disk.Folder, "whole"), Path.Combine(disk.Folder, "adapter"));
        foreach (var (folder, save) in new (string, Action)[] { (whole, () => model.Model.SavePretrained(whole)), (adapter, () => model.Model.SavePeft(adapter)) })
        {
            save();
            var before = Content(folder);
            var blocks = Directory.GetFiles(folder).Sum(path => (new FileInfo(path).Length + SmallDisk.BlockSize - 1) / SmallDisk.BlockSize);
            for (var free = 0; free < blocks; free++)
            {
                disk.Fill(free);

                var error = Assert.ThrowsExactly<IOException>(save, $"{free} blocks are free");

                StringAssert.Contains(error.Message, "No space left on device");
                Assert.AreEqual(before, Content(folder));
            }

            disk.Free();
        }
    }

    private static string Content(string folder) => string.Join('\n', Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal).Select(path => $"{path} {Convert.ToHexString(File.ReadAllBytes(path))}"));

    private static (float[] Scores, List<string> Warnings) Train(string? folder, Action<TrainingProgress>? onReport = null)
    {
        var (mlContext, warnings) = (new MLContext(seed: 1), new List<string>());
        mlContext.Log += (_, line) =>
        {
            if (line.Kind == Runtime.ChannelMessageKind.Warning)
            {
                warnings.Add(line.Message);
            }
        };
        var data = TinyText.KeyedRows(mlContext, 40);
        using var model = TinyText.Trainer(mlContext, options =>
        {
            options.MaxEpoch = 3;
            options.CheckpointFolder = folder is null ? null : Path.Combine(folder, "checkpoints");
            options.MetricsCallback = onReport;
        }).Fit(data);
        return ([.. TinyText.Scores(model, data).SelectMany(row => row)], warnings);
    }
}
