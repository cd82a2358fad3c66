using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Interop;

/// <summary>Saved models of somebody who means harm: their checksums fit.</summary>
[TestClass]
public sealed class StrangeModelTests
{
    private const string Component = "TransformerChain/Transform_001/";
    private const string Description = Component + "Model.key";

    private static byte[] Saved => ModelEntriesTests.Saved.Value;

    [TestMethod]
    public void Load_EntriesNamedOutside_WritesNoFile()
    {
        var folder = Directory.CreateTempSubdirectory("strange-model").FullName;
        try
        {
            var temporary = Directory.CreateDirectory(Path.Combine(folder, "a", "temporary")).FullName;
            var zip = Changed(archive =>
            {
                foreach (var name in (string[])["../outside.txt", Component + "../../../outside.txt", "..\\outside.txt", Path.Combine(folder, "outside.txt")])
                {
                    using var entry = archive.CreateEntry(name).Open();
                    entry.Write("outside"u8);
                }
            });
            var mlContext = new MLContext { TempFilePath = temporary };

            var model = mlContext.Model.Load(new MemoryStream(zip), out _);

            ((IDisposable)model).Dispose();
            Assert.IsEmpty(Directory.GetFiles(folder, "*", SearchOption.AllDirectories));
            CollectionAssert.AreEqual(ModelEntriesTests.Scores(Saved), ModelEntriesTests.Scores(zip));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    [DataRow("../../x.jso")]
    [DataRow("/etc/passwd")]
    public void Load_DescriptionNamesAFileOutside_ReadsNone(string name)
    {
        var zip = WithDescription(content => Replace(content, Encoding.Unicode.GetBytes("config.json"), Encoding.Unicode.GetBytes(name)));

        var error = Assert.Throws<Exception>(() => ModelEntriesTests.Scores(zip));

        StringAssert.Contains(ModelEntriesTests.Messages(error), $"There is no '{name}' in the saved model");
    }

    [TestMethod]
    public void SavePretrained_OfAModelWithAFileNamedOutside_WritesIntoItsFolderOnly()
    {
        const string before = "tokenizer_config.json";
        const string after = "../../evil_confi.json";
        var zip = Changed(archive =>
        {
            Rewrite(archive, Description, content => Replace(content, Encoding.Unicode.GetBytes(before), Encoding.Unicode.GetBytes(after)));
            using var old = archive.GetEntry(Component + before)!.Open();
            using var content = new MemoryStream();
            old.CopyTo(content);
            using var entry = archive.CreateEntry(Component + after).Open();
            entry.Write(content.ToArray());
        });
        var root = Directory.CreateTempSubdirectory("strange-model").FullName;
        try
        {
            var folder = Path.Combine(root, "a", "b", "model");
            var loaded = (TransformerChain<ITransformer>)new MLContext().Model.Load(new MemoryStream(zip), out _);
            using var model = loaded.OfType<TextClassificationTransformer>().Single();

            model.Model.SavePretrained(folder);

            Assert.IsTrue(File.Exists(Path.Combine(folder, "model.safetensors")));
            Assert.IsTrue(Directory.GetFiles(root, "*", SearchOption.AllDirectories).All(file => Path.GetDirectoryName(file) == folder));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    [TestMethod]
    public void Load_TwoEntriesOfOneName_AreNotMixedUp()
    {
        var zip = Changed(archive =>
        {
            using var entry = archive.CreateEntry(Component + "vocab.txt").Open();
            entry.Write("[PAD]\n[UNK]\n[CLS]\n[SEP]\n"u8);
        });

        var error = Assert.Throws<Exception>(() => ModelEntriesTests.Scores(zip));

        StringAssert.Contains(ModelEntriesTests.Messages(error), "'vocab.txt' is not what was saved");
    }

    [TestMethod]
    public void Load_DescriptionNamesAFileTwice_IsRefused()
    {
        using var saved = new ZipArchive(new MemoryStream(Saved));
        var count = saved.Entries.Count(entry => entry.FullName.StartsWith(Component, StringComparison.Ordinal) && entry.Name != "Model.key" && !entry.Name.EndsWith(".safetensors", StringComparison.Ordinal));
        var zip = WithDescription(content =>
        {
            // The names are places in a list of texts, one after the other.
            var names = Enumerable.Range(0, 50).Select(first => content.AsSpan().IndexOf(Bytes([count, .. Enumerable.Range(first, count)]))).Single(place => place >= 0) + sizeof(int);
            content.AsSpan(names, sizeof(int)).CopyTo(content.AsSpan(names + sizeof(int)));
            return content;
        });

        var error = Assert.Throws<Exception>(() => ModelEntriesTests.Scores(zip));

        StringAssert.Contains(ModelEntriesTests.Messages(error), "The saved model is damaged: it names the file 'config.json' twice. ");

        static byte[] Bytes(int[] numbers) => [.. numbers.SelectMany(BitConverter.GetBytes)];
    }

    [TestMethod]
    [DataRow(10)]
    [DataRow(2_000_000_000)]
    public void Load_EntryThatIsLongerOrShorterThanAnnounced_IsRefused(int length)
    {
        var zip = Saved.ToArray();
        var header = zip.AsSpan(LastPlaceOf(zip, Encoding.UTF8.GetBytes(Component + "vocab.txt")) - 46);
        BinaryPrimitives.WriteInt32LittleEndian(header[24..], length); // in the central directory, which counts

        var error = Assert.Throws<Exception>(() => ModelEntriesTests.Scores(zip));

        StringAssert.Contains(ModelEntriesTests.Messages(error), "vocab.txt");
    }

    [TestMethod]
    public void Load_EntriesThatLieInOneAnother_AreRefusedBeforeTheyAreUnpacked()
    {
        var zip = Changed(archive =>
        {
            using var entry = archive.CreateEntry("bomb/00000", CompressionLevel.SmallestSize).Open();
            entry.Write(new byte[20_000_000]);
        });
        var end = zip.Length - 22;
        var (size, start) = (BinaryPrimitives.ReadInt32LittleEndian(zip.AsSpan(end + 12)), BinaryPrimitives.ReadInt32LittleEndian(zip.AsSpan(end + 16)));
        var place = LastPlaceOf(zip, "bomb/00000"u8) - 46;
        using var stream = new MemoryStream();
        stream.Write(zip, 0, end);
        const int copies = 2000; // 40 GB in 200 KB
        for (var copy = 1; copy <= copies; copy++)
        {
            var record = zip[place..(place + 46 + "bomb/00000".Length)];
            Encoding.ASCII.GetBytes($"{copy:D5}").CopyTo(record, 51);
            stream.Write(record);
            size += record.Length;
        }

        var directory = zip[end..];
        var entries = BinaryPrimitives.ReadInt16LittleEndian(directory.AsSpan(8)) + copies;
        BinaryPrimitives.WriteInt16LittleEndian(directory.AsSpan(8), (short)entries);
        BinaryPrimitives.WriteInt16LittleEndian(directory.AsSpan(10), (short)entries);
        BinaryPrimitives.WriteInt32LittleEndian(directory.AsSpan(12), size);
        BinaryPrimitives.WriteInt32LittleEndian(directory.AsSpan(16), start);
        stream.Write(directory);

        var error = Assert.Throws<Exception>(() => ModelEntriesTests.Scores(stream.ToArray()));

        StringAssert.Contains(ModelEntriesTests.Messages(error), "its entries unpack to 400");
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(-5)]
    [DataRow(2_000_000_000)]
    public void Load_SequenceThatNoModelReads_IsRefused(int tokens)
    {
        byte[] before = [0xFF, 0xFF, 0xFF, 0xFF, 20, 0, 0, 0]; // no second text; 20 tokens
        var after = before.ToArray();
        BinaryPrimitives.WriteInt32LittleEndian(after.AsSpan(4), tokens);

        var error = Assert.Throws<Exception>(() => ModelEntriesTests.Scores(WithDescription(content => Replace(content, before, after))));

        StringAssert.Contains(ModelEntriesTests.Messages(error), $"its longest sequence is {tokens}; it must be from 1 to 1000000");
    }

    // What follows is ML.NET's own doing. It is written down here since SECURITY.md warns of it.
    [TestMethod]
    public void Load_NamesAnotherAssembly_MLNetLooksForItInTheApplication()
    {
        var zip = Changed(archive => Rewrite(archive, "TransformerChain/Transform_002/Model.key", content => Replace(
            content, Encoding.Unicode.GetBytes("Microsoft.ML.Data,"), Encoding.Unicode.GetBytes("Some.Other.Thing,  ")[..36])));

        var error = Assert.Throws<Exception>(() => ModelEntriesTests.Scores(zip));

        StringAssert.Contains(ModelEntriesTests.Messages(error), "Could not load file or assembly 'Some.Other.Thing");
    }

    [TestMethod]
    public void Load_SchemaOfAnotherFormat_IsReadByMLNetBeforeAnyOfItIsChecked()
    {
        var zip = Changed(archive => Rewrite(archive, "Schema", content => content[..100]));

        var error = Assert.Throws<Exception>(() => ModelEntriesTests.Scores(zip));

        Assert.DoesNotContain("The saved model is damaged", ModelEntriesTests.Messages(error));
    }

    private static byte[] WithDescription(Func<byte[], byte[]> change) => Changed(archive => Rewrite(archive, Description, change));

    private static byte[] Changed(Action<ZipArchive> change)
    {
        using var stream = new MemoryStream();
        stream.Write(Saved);
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Update, leaveOpen: true))
        {
            change(archive);
        }

        return stream.ToArray();
    }

    private static void Rewrite(ZipArchive archive, string name, Func<byte[], byte[]> change)
    {
        using var stream = archive.GetEntry(name)!.Open();
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        stream.SetLength(0);
        stream.Write(change(content));
    }

    private static byte[] Replace(byte[] content, byte[] before, byte[] after)
    {
        var place = content.AsSpan().IndexOf(before);
        Assert.IsGreaterThan(-1, place);
        after.CopyTo(content, place);
        return content;
    }

    private static int LastPlaceOf(byte[] zip, ReadOnlySpan<byte> name) => zip.AsSpan().LastIndexOf(name);
}
