using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

/// <summary>Files of TorchSharp's <c>Module.save</c>: what TorchSharp wrote is read, and what is damaged is refused.</summary>
[TestClass]
public sealed class TorchSharpFileTests
{
    private const string Start = "the file x is no file of TorchSharp's Module.save, or a damaged one: ";

    // One tensor 'a' of float32, [1, 2].
    private static readonly byte[] Good = [1, 1, (byte)'a', 6, 2, 1, 2, 0, 0, 128, 63, 0, 0, 0, 64];

    private readonly string _folder = Directory.CreateTempSubdirectory("torchsharp-file").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Open_ModuleThatTorchSharpSaved_HasItsTensors()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var network = nn.Sequential(("first", nn.Linear(150, 7)), ("second", nn.BatchNorm1d(7)), ("third", nn.Embedding(200, 3)));
        var path = Path.Combine(_folder, "some.dat");
        _ = network.save(path);

        using var file = TorchSharpFile.Open(path);

        var expected = network.state_dict();
        CollectionAssert.AreEqual(expected.Keys.ToArray(), file.Names.ToArray());
        foreach (var (name, value) in expected)
        {
            Assert.AreEqual(value.dtype, file.TypeOf(name), name);
            Assert.IsTrue(value.eq(file.Read(name, value.dtype)).all().item<bool>(), name);
        }
    }

    [TestMethod]
    [DataRow(ScalarType.Byte)]
    [DataRow(ScalarType.Int8)]
    [DataRow(ScalarType.Int16)]
    [DataRow(ScalarType.Int32)]
    [DataRow(ScalarType.Int64)]
    [DataRow(ScalarType.Float16)]
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.Float64)]
    [DataRow(ScalarType.Bool)]
    [DataRow(ScalarType.BFloat16)]
    public void Open_EveryType_IsReadAsSaved(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var content = new MemoryStream();
        var value = arange(-3, 300).to(type).view(3, 101);
        using (var writer = new BinaryWriter(content, Encoding.UTF8, leaveOpen: true))
        {
            nn.Module.save_state_dict(writer, new Dictionary<string, Tensor> { ["scalar"] = value[0, 0], ["some.weight"] = value, ["none"] = value.narrow(0, 0, 0) });
        }

        using var file = TorchSharpFile.FromMemory(content.ToArray(), "the file x");

        CollectionAssert.AreEqual(new[] { "scalar", "some.weight", "none" }, file.Names.ToArray());
        Assert.AreEqual(type, file.TypeOf("some.weight"));
        Assert.IsTrue(value.eq(file.Read("some.weight", type)).all().item<bool>());
        Assert.IsTrue(value[0, 0].eq(file.Read("scalar", type)).item<bool>());
        CollectionAssert.AreEqual(new long[] { 0, 101 }, file.Describe("none").Shape);
    }

    [TestMethod]
    public void BytesOf_PartOfATensor_IsThatPart()
    {
        using var file = TorchSharpFile.FromMemory(Good, "the file x");

        Assert.AreEqual(1f, BitConverter.ToSingle(file.BytesOf("a", 0, 1)));
        Assert.AreEqual(2f, BitConverter.ToSingle(file.BytesOf("a", 1, 1)));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => file.BytesOf("a", 1, 2).Length);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => file.BytesOf("a", -1, 1).Length);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => file.Describe("b")).Message, "no tensor 'b'");
    }

    [TestMethod]
    [DataRow(new byte[0], "it is empty")]
    [DataRow(new byte[] { 0, 0 }, "its tensors end at byte 1, but it has 2 bytes")]
    [DataRow(new byte[] { 0x80 }, "it ends within the number of its tensors")]
    [DataRow(new byte[] { 3, 1, 97, 6, 0, 0, 0, 0, 0 }, "it claims 3 tensors, but has 9 bytes in all", DisplayName = "more tensors than bytes")]
    [DataRow(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F }, "it claims 9223372036854775807 tensors")]
    [DataRow(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1 }, "a number of more than 63 bits")]
    [DataRow(new byte[] { 1, 0, 6, 0, 0, 0, 0, 0 }, "the name of tensor 1 has 0 bytes")]
    [DataRow(new byte[] { 1, 100, 97, 98, 99 }, "the name of tensor 1 has 100 bytes; names have 1 to 4096, and 3 bytes are left")]
    [DataRow(new byte[] { 1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 97 }, "the name of tensor 1 has 4294967295 bytes")]
    [DataRow(new byte[] { 1, 2, 0xC3, 0x28, 6, 0, 0, 0, 0, 0 }, "the name of tensor 1 is not UTF-8 text")]
    [DataRow(new byte[] { 1, 1, 97, 6, 65, 1, 1, 1 }, "tensor 'a' claims 65 dimensions, more than 64")]
    [DataRow(new byte[] { 1, 1, 97, 6, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F }, "tensor 'a' claims 4294967295 dimensions")]
    [DataRow(new byte[] { 1, 1, 97, 6, 3, 1, 1 }, "it ends within the shape of tensor 'a'")]
    [DataRow(new byte[] { 1, 1, 97, 6, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F }, "whose size overflows")]
    [DataRow(new byte[] { 1, 1, 97, 6, 1, 0x80, 0x80, 0x80, 0x80, 0x10 }, "takes 17179869184 bytes, but 0 are left: it is truncated", DisplayName = "16 GiB in ten bytes")]
    [DataRow(new byte[] { 1, 1, 97, 6, 1, 2, 0, 0, 0, 0 }, "tensor 'a' of shape [2] takes 8 bytes, but 4 are left")]
    [DataRow(new byte[] { 2, 1, 97, 0, 1, 1, 5, 1, 97, 0, 1, 1, 5 }, "it has tensor 'a' twice")]
    public void Open_DamagedFile_NamesFileAndFault(byte[] content, string fault)
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => TorchSharpFile.FromMemory(content, "the file x"));

        StringAssert.StartsWith(error.Message, Start);
        StringAssert.Contains(error.Message, fault);
    }

    [TestMethod]
    [DataRow(8)] // complex
    [DataRow(12)] // quantised
    [DataRow(127)]
    public void Open_TypeThatIsNotRead_NamesIt(int type)
    {
        var content = Good.ToArray();
        content[3] = (byte)type;

        var error = Assert.ThrowsExactly<InvalidDataException>(() => TorchSharpFile.FromMemory(content, "the file x"));

        StringAssert.Contains(error.Message, $"tensor 'a' has the element type {type} of TorchSharp");
    }

    [TestMethod]
    public void Open_EveryPrefixOfAFile_IsRefused()
    {
        for (var length = 0; length < Good.Length; length++)
        {
            var content = Good[..length];

            StringAssert.StartsWith(Assert.ThrowsExactly<InvalidDataException>(() => TorchSharpFile.FromMemory(content, "the file x")).Message, Start);
        }
    }

    [TestMethod]
    public void Open_FileOnDisk_IsNamedByItsPath()
    {
        var path = Path.Combine(_folder, "empty.tsm");
        File.WriteAllBytes(path, []);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => TorchSharpFile.Open(path)).Message, path);

        File.WriteAllBytes(path, [.. Good, 0]);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => TorchSharpFile.Open(path)).Message, "its tensors end at byte 15, but it has 16 bytes");
        File.Delete(path); // nothing keeps it open
    }

    [TestMethod]
    public void Open_NameAsLongAsNamesMayBe_IsRead()
    {
        var name = new string('n', 4096);
        byte[] content = [1, 0x80, 0x20, .. Encoding.UTF8.GetBytes(name), 0, 0, 7];

        using var file = TorchSharpFile.FromMemory(content, "the file x");

        Assert.AreEqual(7, file.BytesOf(name, 0, 1)[0]);
    }
}
