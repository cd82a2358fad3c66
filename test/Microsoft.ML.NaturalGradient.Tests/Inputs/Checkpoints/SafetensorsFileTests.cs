using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class SafetensorsFileTests
{
    private static readonly string FixturePath = Path.Combine(
        AppContext.BaseDirectory, "Fixtures", "encoders", "bert", "model.safetensors");

    [TestMethod]
    [DataRow("BOOL", ScalarType.Bool, new byte[] { 1, 0 }, new[] { 1.0, 0.0 })]
    [DataRow("U8", ScalarType.Byte, new byte[] { 0, 255 }, new[] { 0.0, 255.0 })]
    [DataRow("I8", ScalarType.Int8, new byte[] { 127, 0x80 }, new[] { 127.0, -128.0 })]
    [DataRow("I16", ScalarType.Int16, new byte[] { 1, 0, 0, 0x80 }, new[] { 1.0, -32768.0 })]
    [DataRow("F16", ScalarType.Float16, new byte[] { 0, 0x3C, 0xFF, 0xFB }, new[] { 1.0, -65504.0 })]
    [DataRow("BF16", ScalarType.BFloat16, new byte[] { 0x80, 0x3F, 0, 0xC0 }, new[] { 1.0, -2.0 })]
    [DataRow("I32", ScalarType.Int32, new byte[] { 0, 0, 1, 0, 0, 0, 0, 0x80 }, new[] { 65536.0, -2147483648.0 })]
    [DataRow("F32", ScalarType.Float32, new byte[] { 0, 0, 0x20, 0x40, 0, 0, 0x80, 0xBE }, new[] { 2.5, -0.25 })]
    [DataRow("F64", ScalarType.Float64,
        new byte[] { 0, 0, 0, 0, 0, 0, 4, 0x40, 0, 0, 0, 0, 0, 0, 0xD0, 0xBF }, new[] { 2.5, -0.25 })]
    [DataRow("I64", ScalarType.Int64,
        new byte[] { 0, 0, 0, 0, 1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF }, new[] { 4294967296.0, -2.0 })]
    public void Read_EachType_ReturnsStoredValues(string name, ScalarType type, byte[] data, double[] expected)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.FromMemory(SafetensorsBytes.MakeOne(name, [2], data), "test");

        var stored = file.Read("a", type);
        var widened = file.Read("a", ScalarType.Float64);

        Assert.AreEqual(type, file.TypeOf("a"));
        Assert.AreEqual("2", string.Join(',', file.ShapeOf("a")));
        Assert.AreEqual(type, stored.dtype);
        CollectionAssert.AreEqual(data, stored.bytes.ToArray());
        CollectionAssert.AreEqual(expected, widened.data<double>().ToArray());
    }

    [TestMethod]
    public void Read_EveryHalf_WidensExactly()
    {
        using var scope = NewDisposeScope();
        var patterns = Enumerable.Range(0, 65536).Select(i => (ushort)i).ToArray();
        using var file = SixteenBit("F16", patterns);

        var actual = file.Read("a", ScalarType.Float32).data<float>().ToArray();

        // Assert.AreEqual of floats treats NaN as equal to NaN.
        CollectionAssert.AreEqual(patterns.Select(p => (float)BitConverter.UInt16BitsToHalf(p)).ToArray(), actual);
    }

    [TestMethod]
    public void Read_EveryBFloat16_WidensExactly()
    {
        using var scope = NewDisposeScope();
        var patterns = Enumerable.Range(0, 65536).Select(i => (ushort)i).ToArray();
        using var file = SixteenBit("BF16", patterns);

        var actual = file.Read("a", ScalarType.Float32).data<float>().ToArray();

        CollectionAssert.AreEqual(patterns.Select(p => BitConverter.UInt32BitsToSingle((uint)p << 16)).ToArray(), actual);
    }

    [TestMethod]
    public void Read_ScalarAndEmpty_KeepShape()
    {
        using var scope = NewDisposeScope();
        var content = SafetensorsBytes.Make(
            """
            {"empty":{"dtype":"F32","shape":[3,0,2],"data_offsets":[4,4]},
             "scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},
             "none":{"dtype":"I64","shape":[0],"data_offsets":[0,0]}}
            """, 0, 0, 0x80, 0x3F);
        using var file = SafetensorsFile.FromMemory(content, "test");

        Assert.AreEqual("3,0,2", string.Join(',', file.Read("empty", ScalarType.Float64).shape));
        Assert.AreEqual("0", string.Join(',', file.Read("none", ScalarType.Int64).shape));
        Assert.IsEmpty(file.Read("scalar", ScalarType.Float32).shape);
        Assert.AreEqual(1f, file.Read("scalar", ScalarType.Float32).item<float>());
    }

    [TestMethod]
    public void Read_LongerThanOnePiece_IsWhole()
    {
        using var scope = NewDisposeScope();
        var data = new byte[(1 << 24) + 3];
        new Random(1).NextBytes(data);
        using var file = SafetensorsFile.FromMemory(SafetensorsBytes.MakeOne("U8", [data.Length], data), "test");

        var actual = file.Read("a", ScalarType.Byte);

        Assert.IsTrue(actual.bytes.SequenceEqual(data));
    }

    [TestMethod]
    public void Read_HalvesLongerThanOnePiece_AreWidenedWhole()
    {
        using var scope = NewDisposeScope();
        const int infinity = 0x7C00; // below it, every pattern is a number
        var patterns = Enumerable.Range(0, (1 << 24) + 3).Select(i => (ushort)(i % infinity)).ToArray();
        using var file = SixteenBit("F16", patterns);

        var actual = file.Read("a", ScalarType.Float32);

        var expected = Array.ConvertAll(patterns, pattern => (float)BitConverter.UInt16BitsToHalf(pattern));
        Assert.IsTrue(MemoryMarshal.Cast<byte, float>(actual.bytes).SequenceEqual(expected));
    }

    [TestMethod]
    public void Read_ReferenceFile_EqualsRawBytes()
    {
        using var scope = NewDisposeScope();
        var raw = File.ReadAllBytes(FixturePath);
        using var json = JsonDocument.Parse(SafetensorsBytes.HeaderOf(raw));
        var data = SafetensorsBytes.DataOf(raw);
        using var file = SafetensorsFile.Open(FixturePath);

        foreach (var name in file.Names)
        {
            var entry = json.RootElement.GetProperty(name);
            var offsets = entry.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt32()).ToArray();
            var expected = MemoryMarshal.Cast<byte, float>(data.AsSpan(offsets[0]..offsets[1])).ToArray();

            CollectionAssert.AreEqual(
                entry.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()).ToArray(), file.ShapeOf(name).ToArray());
            CollectionAssert.AreEqual(expected, file.Read(name, ScalarType.Float32).data<float>().ToArray(), name);
        }
        Assert.HasCount(json.RootElement.EnumerateObject().Count() - 1, file.Names);
        Assert.AreEqual("pt", file.Metadata["format"]);
    }

    [TestMethod]
    public void Read_ReturnsOneTensorOfTheCallersScope()
    {
        using var file = SafetensorsFile.Open(FixturePath);
        DisposeScopeManager.Statistics.Reset();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        using (NewDisposeScope())
        {
            var tensor = file.Read("classifier.bias", ScalarType.Float64);
            Assert.AreEqual(1, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
            Assert.IsFalse(tensor.IsInvalid);
        }

        Assert.AreEqual(0, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
    }

    [TestMethod]
    public void Read_UnknownName_Throws()
    {
        using var file = SafetensorsFile.Open(FixturePath);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => file.Read("absent", ScalarType.Float32));

        StringAssert.Contains(error.Message, "model.safetensors' has no tensor 'absent'");
        Assert.IsFalse(file.Contains("absent"));
    }

    [TestMethod]
    public void Read_AfterDispose_Throws()
    {
        var file = SafetensorsFile.Open(FixturePath);
        file.Dispose();

        file.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => file.Read("classifier.bias", ScalarType.Float32));
    }

    [TestMethod]
    public void Read_FromSeveralThreads_ReturnsTheSame()
    {
        using var file = SafetensorsFile.Open(FixturePath);
        var names = file.Names.ToArray();
        var expected = names.Select(name => Sum(file, name)).ToArray();

        var actual = new double[8 * names.Length];
        _ = Parallel.For(0, actual.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 },
            i => actual[i] = Sum(file, names[i % names.Length]));

        for (var i = 0; i < actual.Length; i++)
        {
            Assert.AreEqual(expected[i % names.Length], actual[i]);
        }
    }

    [TestMethod]
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.Float64)]
    public void ReadInto_Parameter_OverwritesItsValues(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(FixturePath);
        using var parameter = new Parameter(zeros(3, 24, dtype: type), requires_grad: true);
        DisposeScopeManager.Statistics.Reset();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        file.ReadInto("classifier.weight", parameter);

        Assert.AreEqual(0, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
        Assert.IsTrue(parameter.requires_grad);
        Assert.IsTrue(parameter.is_leaf);
        Assert.IsTrue(parameter.detach().Equals(file.Read("classifier.weight", type)));
    }

    [TestMethod]
    public void ReadInto_TransposedTarget_WritesByPosition()
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(FixturePath);
        var target = zeros(24, 3).t(); // [3, 24]

        file.ReadInto("classifier.weight", target);

        Assert.IsTrue(target.Equals(file.Read("classifier.weight", ScalarType.Float32)));
    }

    [TestMethod]
    public void ReadInto_OtherShapeOfTheSameSize_ThrowsAndLeavesTarget()
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(FixturePath);
        var target = zeros(24, 3);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => file.ReadInto("classifier.weight", target));

        StringAssert.Contains(error.Message, "'classifier.weight' has shape [3, 24], but the model expects [24, 3]");
        Assert.AreEqual(0f, target.abs().max().item<float>());
    }

    [TestMethod]
    public void FromStream_ManagedStream_ReadsFromItsPosition()
    {
        using var scope = NewDisposeScope();
        byte[] content = [7, 7, .. SafetensorsBytes.MakeOne("U8", [], 5)];
        var stream = new MemoryStream(content) { Position = 2 };

        using var file = SafetensorsFile.FromStream(stream, "test");

        Assert.AreEqual(5, file.Read("a", ScalarType.Byte).item<byte>());
    }

    private static double Sum(SafetensorsFile file, string name)
    {
        using var scope = NewDisposeScope();
        return file.Read(name, ScalarType.Float64).sum().item<double>();
    }

    private static SafetensorsFile SixteenBit(string type, ushort[] values)
    {
        var data = MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        return SafetensorsFile.FromMemory(SafetensorsBytes.MakeOne(type, [values.Length], data), "test");
    }
}
