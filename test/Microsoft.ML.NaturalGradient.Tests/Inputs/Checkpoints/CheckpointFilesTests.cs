using System.Diagnostics;
using System.Reflection;
using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Imaging;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

/// <summary>What every place for checkpoint files has to do.</summary>
[TestClass]
public sealed class CheckpointFilesTests
{
    private const string DataPackage = "Microsoft.ML.NaturalGradient.MiniLM";

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Fixtures", "encoders", "bert");

    [TestMethod]
    [DataRow("folder", "the folder '")]
    [DataRow("memory", "the saved model x")]
    [DataRow("resource", "the assembly Microsoft.ML.NaturalGradient.MiniLM")]
    public void Open_ExistingFile_IsReadable(string kind, string description)
    {
        using var files = Create(kind);

        Assert.IsTrue(files.Exists("config.json"));
        using var reader = new StreamReader(files.Open("config.json"));
        StringAssert.Contains(reader.ReadToEnd(), "\"model_type\": \"bert\"");
        StringAssert.StartsWith(files.Description, description);
    }

    [TestMethod]
    [DataRow("folder")]
    [DataRow("memory")]
    [DataRow("resource")]
    public void Open_MissingFile_NamesFileAndPlace(string kind)
    {
        using var files = Create(kind);

        Assert.IsFalse(files.Exists("absent.json"));
        var open = Assert.ThrowsExactly<FileNotFoundException>(() => files.Open("absent.json"));
        var openWeights = Assert.ThrowsExactly<FileNotFoundException>(() => files.OpenSafetensors("absent.json"));

        Assert.AreEqual($"There is no 'absent.json' in {files.Description}.", open.Message);
        Assert.AreEqual(open.Message, openWeights.Message);
    }

    [TestMethod]
    [DataRow("folder", "bert.pooler.dense.weight", "model.safetensors' has no")]
    [DataRow("memory", "bert.pooler.dense.weight", "'model.safetensors' of the saved model x has no")]
    [DataRow("resource", "pooler.dense.weight",
        "'model.safetensors' of the assembly Microsoft.ML.NaturalGradient.MiniLM has no")]
    public void OpenSafetensors_ReadsWeightsAndNamesThem(string kind, string tensor, string errorPart)
    {
        using var scope = NewDisposeScope();
        using var files = Create(kind);
        using var weights = files.OpenSafetensors("model.safetensors");

        var value = weights.Read(tensor, ScalarType.Float32);
        var error = Assert.ThrowsExactly<InvalidDataException>(() => weights.ShapeOf("absent"));

        Assert.IsTrue(value.abs().max().item<float>() is > 0 and < 10);
        StringAssert.Contains(error.Message, errorPart);
    }

    [TestMethod]
    public void OpenSafetensors_Resource_IsNotCopied()
    {
        using var files = Create("resource");
        using (files.OpenSafetensors("model.safetensors"))
        {
            // The first time allocates for code that is run once.
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        using var weights = files.OpenSafetensors("model.safetensors");
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // The file has 45 MB; its header is parsed into about 100 entries.
        Fixture.AssertLess(500_000, allocated);
    }

    [TestMethod]
    [DataRow("vocab.txt", 268_435_456)]
    [DataRow("tokenizer.json", 268_435_456)]
    [DataRow("config.json", 33_554_432)]
    [DataRow("model.safetensors.index.json", 33_554_432)]
    public void Open_GigabytesThatAreNoWeights_AreRefusedUnread(string name, int most)
    {
        var folder = Directory.CreateTempSubdirectory("long-file").FullName;
        try
        {
            using (var file = File.Create(Path.Combine(folder, name)))
            {
                file.SetLength(3L << 30); // takes no space
            }

            using var files = new FolderCheckpointFiles(folder);

            var error = Assert.ThrowsExactly<InvalidDataException>(() => files.Open(name));

            StringAssert.StartsWith(error.Message, $"'{name}' of the folder '{folder}' has 3221225472 bytes; a file of this name has at most {most}.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public async Task Open_PipeInPlaceOfAFile_IsReadAsAnEmptyFile()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("Pipes in folders are Unix's.");
            return;
        }

        using var folder = new Outside();
        foreach (var name in (string[])["config.json", "model.safetensors", "pipe", "picture.png"])
        {
            using var process = Process.Start("mkfifo", Path.Combine(folder.Path, name));
            await process.WaitForExitAsync();
        }

        folder.LinkFrom(Path.Combine(folder.Path, "vocab.txt"), "pipe");
        using var files = new FolderCheckpointFiles(folder.Path);

        // Whoever opened a pipe would wait for a writer.
        var lengths = await Task.Run(() => new[] { files.Read("config.json").Length, files.Read("vocab.txt").Length }).WaitAsync(TimeSpan.FromMinutes(1));
        var error = await Task.Run(() => Assert.ThrowsExactly<InvalidDataException>(() => files.OpenWeights())).WaitAsync(TimeSpan.FromMinutes(1));

        CollectionAssert.AreEqual(new[] { 0, 0 }, lengths);
        var picture = await Task.Run(() => Assert.ThrowsExactly<InvalidDataException>(
            () => ImageDecoder.DecodeFile(Path.Combine(folder.Path, "picture.png")))).WaitAsync(TimeSpan.FromMinutes(1));
        StringAssert.Contains(error.Message, "has 0 bytes");
        StringAssert.Contains(picture.Message, "is empty");
    }

    [TestMethod]
    public void Open_LinkToAFileOutside_ReadsIt()
    {
        using var outside = new Outside("secret.txt");
        using var folder = new Outside();
        outside.LinkFrom(Path.Combine(folder.Path, "vocab.txt"), "secret.txt");
        using var files = new FolderCheckpointFiles(folder.Path);

        Assert.AreEqual("untouched", Encoding.UTF8.GetString(files.Read("vocab.txt")));
    }

    [TestMethod]
    public void FromStream_Resource_ClosesItsStream()
    {
        var stream = Assembly.Load(DataPackage).GetManifestResourceStream("model/model.safetensors")!;
        var weights = SafetensorsFile.FromStream(stream, "x");

        weights.Dispose();

        Assert.IsFalse(stream.CanRead);
        Assert.ThrowsExactly<ObjectDisposedException>(() => weights.Read("pooler.dense.bias", ScalarType.Float32));
    }

    [TestMethod]
    public void ReadSmallFiles_HasAllButTheWeightsAndStrangers()
    {
        var contents = CheckpointFiles.SmallNames.Append("model.safetensors").Append("README.md").ToDictionary(name => name, Encoding.UTF8.GetBytes);
        using var files = new MemoryCheckpointFiles(contents, "the model x");

        var small = files.ReadSmallFiles();

        CollectionAssert.AreEquivalent(CheckpointFiles.SmallNames.ToArray(), small.Keys.ToArray());
        CollectionAssert.Contains(small.Keys.ToArray(), "preprocessor_config.json");
        Assert.IsTrue(small.All(pair => Encoding.UTF8.GetString(pair.Value) == pair.Key));
    }

    private static CheckpointFiles Create(string kind) => kind switch
    {
        "folder" => new FolderCheckpointFiles(Folder),
        "memory" => new MemoryCheckpointFiles(
            new Dictionary<string, byte[]>
            {
                ["config.json"] = Encoding.UTF8.GetBytes("""{ "model_type": "bert" }"""),
                ["model.safetensors"] = File.ReadAllBytes(Path.Combine(Folder, "model.safetensors")),
            },
            "the saved model x"),
        _ => new ResourceCheckpointFiles(Assembly.Load(DataPackage)),
    };
}
