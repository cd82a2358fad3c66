using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class SafetensorsWriterTests
{
    private static readonly ScalarType[] Types =
    [
        ScalarType.Bool, ScalarType.Byte, ScalarType.Int8, ScalarType.Int16, ScalarType.Float16, ScalarType.BFloat16,
        ScalarType.Int32, ScalarType.Float32, ScalarType.Float64, ScalarType.Int64,
    ];

    [TestMethod]
    [DataRow("encoders/bert/model.safetensors")]
    [DataRow("adapters/bert-lora/adapter_model.safetensors")]
    public void Write_ContentOfReferenceFile_GivesTheSameBytes(string path)
    {
        using var scope = NewDisposeScope();
        var expected = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", path));
        using var file = SafetensorsFile.FromMemory(expected, "x");
        var entries = file.Names.Reverse().Select(name => new SafetensorsEntry(name, file.Read(name, file.TypeOf(name))));

        var actual = Write(entries, file.Metadata);

        CollectionAssert.AreEqual(expected, actual);
    }

    [TestMethod]
    public void Write_EveryTypeAndShape_ReadsBackExactly()
    {
        using var scope = NewDisposeScope();
        manual_seed(0);
        long[][] shapes = [[], [0], [3, 0, 2], [1], [7], [2, 3, 5]];
        var entries = (
            from type in Types
            from shape in shapes
            let value = (100 * randn(shape)).to(ScalarType.Int8).to(type)
            select new SafetensorsEntry($"{type}.{string.Join('x', shape)}", value)).ToArray();

        using var file = SafetensorsFile.FromMemory(Write(entries), "x");

        Assert.HasCount(entries.Length, file.Names);
        foreach (var entry in entries)
        {
            var actual = file.Read(entry.Name, entry.StoredType);
            CollectionAssert.AreEqual(entry.Value.shape, actual.shape, entry.Name);
            CollectionAssert.AreEqual(entry.Value.bytes.ToArray(), actual.bytes.ToArray(), entry.Name);
        }
    }

    [TestMethod]
    public void Write_MixedTypes_OrdersByWidthThenNameAndAligns()
    {
        using var scope = NewDisposeScope();
        var entries = Types.Select((type, i) => new SafetensorsEntry($"t{i}", zeros(3, dtype: type)))
            .Append(new SafetensorsEntry("b", zeros(1)))
            .Append(new SafetensorsEntry("B", zeros(1)));

        var content = Write(entries);

        using var json = JsonDocument.Parse(SafetensorsBytes.HeaderOf(content));
        Assert.AreEqual(
            "t9 t8 B b t7 t6 t5 t4 t3 t2 t1 t0",
            string.Join(' ', json.RootElement.EnumerateObject().Select(entry => entry.Name)));
        foreach (var entry in json.RootElement.EnumerateObject())
        {
            var offsets = entry.Value.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt32()).ToArray();
            var width = (offsets[1] - offsets[0]) / entry.Value.GetProperty("shape")[0].GetInt32();
            Assert.AreEqual(0, offsets[0] % width, entry.Name);
        }
        Assert.AreEqual(0UL, BitConverter.ToUInt64(content) % 8);
    }

    [TestMethod]
    public void Write_Nothing_GivesPaddedEmptyObject()
    {
        byte[] expected = [8, 0, 0, 0, 0, 0, 0, 0, .. "{}      "u8];

        CollectionAssert.AreEqual(expected, Write([]));
    }

    [TestMethod]
    public void Write_Metadata_ComesFirstAndSorted()
    {
        var content = Write([], new Dictionary<string, string> { ["b"] = "ü\"\n", ["a"] = "" });

        StringAssert.StartsWith(SafetensorsBytes.HeaderOf(content), """{"__metadata__":{"a":"","b":"ü\"\n"}}""");
        using var file = SafetensorsFile.FromMemory(content, "x");
        Assert.AreEqual("ü\"\n", file.Metadata["b"]);
        Assert.AreEqual("", file.Metadata["a"]);
    }

    [TestMethod]
    public void Write_FloatsAsHalf_RoundsToNearest()
    {
        using var scope = NewDisposeScope();
        float[] values = [1f, -0.1f, 1e-7f, 65504f, 65519f, 1.00048828125f, float.PositiveInfinity, float.NaN];

        var content = Write([new SafetensorsEntry("a", tensor(values), ScalarType.Float16)]);

        var actual = MemoryMarshal.Cast<byte, Half>(SafetensorsBytes.DataOf(content)).ToArray();
        CollectionAssert.AreEqual(values.Select(value => (Half)value).ToArray(), actual);
    }

    [TestMethod]
    public void Write_FloatsAsBFloat16_RoundsToNearest()
    {
        using var scope = NewDisposeScope();
        float[] values = [1f, 1.00390625f, 1.01171875f, -3e38f, 1e-40f];
        // Round to nearest even, on the upper 16 bits.
        var expected = values.Select(BitConverter.SingleToUInt32Bits)
            .Select(bits => (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)).ToArray();

        var content = Write([new SafetensorsEntry("a", tensor(values), ScalarType.BFloat16)]);

        CollectionAssert.AreEqual(expected, MemoryMarshal.Cast<byte, ushort>(SafetensorsBytes.DataOf(content)).ToArray());
    }

    [TestMethod]
    public void Write_TooLargeForHalf_Throws()
    {
        using var scope = NewDisposeScope();
        var entry = new SafetensorsEntry("a", tensor([1f, -65520f]), ScalarType.Float16);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Write([entry]));

        StringAssert.Contains(error.Message, "'a' holds values beyond 65504");
    }

    [TestMethod]
    public void Write_TransposedParameter_WritesRowMajor()
    {
        using var scope = NewDisposeScope();
        var value = new Parameter(tensor([1f, 2, 3, 4, 5, 6]).view(2, 3));

        var content = Write([new SafetensorsEntry("a", value.t())]);

        CollectionAssert.AreEqual(
            new[] { 1f, 4, 2, 5, 3, 6 }, MemoryMarshal.Cast<byte, float>(SafetensorsBytes.DataOf(content)).ToArray());
    }

    [TestMethod]
    public void Write_LongerThanOnePiece_IsWhole()
    {
        using var scope = NewDisposeScope();
        var value = arange((1 << 24) + 3).to(ScalarType.Byte);

        var content = Write([new SafetensorsEntry("a", value)]);

        Assert.IsTrue(value.bytes.SequenceEqual(content.AsSpan()[^(int)value.numel()..]));
    }

    [TestMethod]
    [DataRow("__metadata__")]
    [DataRow("twice")]
    public void Write_ReservedOrRepeatedName_ThrowsBeforeWriting(string name)
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        SafetensorsEntry[] entries = [new(name, zeros(1)), new("twice", zeros(2, dtype: ScalarType.Int64))];

        var error = Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Write(stream, entries));

        StringAssert.Contains(error.Message, $"'{name}'");
        Assert.AreEqual(0, stream.Length);
    }

    [TestMethod]
    [DataRow(ScalarType.ComplexFloat32, ScalarType.ComplexFloat32)]
    [DataRow(ScalarType.Float32, ScalarType.Int8)]
    [DataRow(ScalarType.Int64, ScalarType.Float32)]
    public void Write_TypeThatCannotBeStored_Throws(ScalarType type, ScalarType stored)
    {
        using var scope = NewDisposeScope();
        var entry = new SafetensorsEntry("a", zeros(1, dtype: type), stored);

        var error = Assert.ThrowsExactly<ArgumentException>(() => Write([entry]));

        StringAssert.Contains(error.Message, $"'a' of type {type} cannot be stored as {stored}");
    }

    [TestMethod]
    public void Write_LeavesNoTensorsAndStreamOpen()
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        SafetensorsEntry[] entries = [new("a", zeros(4, 4).t(), ScalarType.Float16), new("b", zeros(4))];
        DisposeScopeManager.Statistics.Reset();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        SafetensorsWriter.Write(stream, entries);

        Assert.AreEqual(0, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
        Assert.IsTrue(stream.CanWrite);
    }

    private static byte[] Write(IEnumerable<SafetensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, entries, metadata);
        return stream.ToArray();
    }
}
