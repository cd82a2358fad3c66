using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class ShardedSafetensorsTests
{
    private const string First = "model-00001-of-00002.safetensors";
    private const string Second = "model-00002-of-00002.safetensors";
    private const string Index = "model.safetensors.index.json";
    private const string Map = $$"""{"metadata":{"total_size":12},"weight_map":{"a":"{{First}}","b":"{{Second}}"} }""";

    [TestMethod]
    public void OpenWeights_TwoFiles_AreReadAsOne()
    {
        using var scope = NewDisposeScope();
        using var files = Files(Map, [("a", tensor([1f, 2]))], [("b", tensor([3L])), ("not listed", tensor([4f]))]);
        using var weights = files.OpenWeights();
        var target = zeros(2);

        weights.ReadInto("a", target);

        CollectionAssert.AreEquivalent(new[] { "a", "b", "not listed" }, weights.Names.ToArray());
        Assert.IsTrue(weights.Contains("b"));
        Assert.IsFalse(weights.Contains("c"));
        Assert.AreEqual("1", string.Join(',', weights.ShapeOf("b")));
        Assert.AreEqual(ScalarType.Int64, weights.TypeOf("b"));
        Assert.AreEqual(3.0, weights.Read("b", ScalarType.Float64).item<double>());
        CollectionAssert.AreEqual(new[] { 1f, 2f }, target.data<float>().ToArray());
        Assert.AreEqual($"'{Index}' of the model x", weights.Description);
    }

    [TestMethod]
    public void OpenWeights_OneFileBesideAnIndex_TakesTheFile()
    {
        using var scope = NewDisposeScope();
        using var files = new MemoryCheckpointFiles(
            new Dictionary<string, byte[]> { [Index] = "{}"u8.ToArray(), ["model.safetensors"] = Shard(("a", tensor([1f]))) }, "the model x");
        using var weights = files.OpenWeights();

        Assert.IsFalse(files.IsSharded);
        Assert.AreEqual("a", string.Join(' ', weights.Names));
    }

    [TestMethod]
    public void ReadInto_WrongShape_NamesTheFileOfTheTensor()
    {
        using var scope = NewDisposeScope();
        using var files = Files(Map, [("a", tensor([1f, 2]))], [("b", tensor([3f]))]);
        using var weights = files.OpenWeights();

        var shape = Assert.ThrowsExactly<InvalidDataException>(() => weights.ReadInto("b", zeros(2)));
        var absent = Assert.ThrowsExactly<InvalidDataException>(() => weights.Read("c", ScalarType.Float32));

        StringAssert.StartsWith(shape.Message, $"'{Second}' of the model x: tensor 'b' has shape [1]");
        Assert.AreEqual($"'{Index}' of the model x has no tensor 'c'.", absent.Message);
    }

    [TestMethod]
    public void OpenWeights_FileMissing_NamesIt()
    {
        using var files = new MemoryCheckpointFiles(
            new Dictionary<string, byte[]> { [Index] = Encoding.UTF8.GetBytes(Map), [First] = Shard(("a", tensor([1f]))) }, "the model x");

        var error = Assert.ThrowsExactly<FileNotFoundException>(files.OpenWeights);

        StringAssert.StartsWith(error.Message, $"There is no '{Second}' in the model x, but {Index} names it.");
    }

    [TestMethod]
    public void OpenWeights_TensorNotWhereTheIndexSays_NamesIt()
    {
        using var scope = NewDisposeScope();
        using var files = Files(Map, [("a", tensor([1f])), ("b", tensor([2f]))], [("c", tensor([3f]))]);

        var error = Assert.ThrowsExactly<InvalidDataException>(files.OpenWeights);

        StringAssert.Contains(error.Message, $"tensor 'b' is listed as part of '{Second}' of the model x, which does not have it");
    }

    [TestMethod]
    public void OpenWeights_TensorInTwoFiles_NamesBoth()
    {
        using var scope = NewDisposeScope();
        using var files = Files(Map, [("a", tensor([1f]))], [("b", tensor([2f])), ("a", tensor([3f]))]);

        var error = Assert.ThrowsExactly<InvalidDataException>(files.OpenWeights);

        StringAssert.Contains(
            error.Message, $"tensor 'a' is in two files, '{First}' of the model x and '{Second}' of the model x");
    }

    [TestMethod]
    [DataRow("""{"weight_map":{}}""", "its 'weight_map' is empty")]
    [DataRow("""{"weight_map":[]}""", "it has no object 'weight_map'")]
    [DataRow("""["weight_map"]""", "it has no object 'weight_map'")]
    [DataRow("{}", "it has no object 'weight_map'")]
    public void ReadIndex_Malformed_SaysWhat(string json, string what)
    {
        using var files = Files(json, [], []);

        var error = Assert.ThrowsExactly<InvalidDataException>(files.ReadIndex);

        StringAssert.StartsWith(error.Message, $"'{Index}' of the model x is not a valid index of weights: {what}");
    }

    [TestMethod]
    [DataRow("../secret.safetensors")]
    [DataRow("sub/model.safetensors")]
    [DataRow("/etc/model.safetensors")]
    [DataRow(@"..\\secret.safetensors")]
    [DataRow("C:model.safetensors")]
    [DataRow(@"\\\\host\\share\\model.safetensors")]
    [DataRow("")]
    [DataRow("..")]
    [DataRow("model\\u0000.safetensors")]
    [DataRow("model.bin")]
    public void OpenWeights_FileElsewhere_IsRefused(string file)
    {
        using var files = Files($$"""{"weight_map":{"a":"{{file}}"} }""", [], []);

        var error = Assert.ThrowsExactly<InvalidDataException>(files.OpenWeights);

        StringAssert.Contains(error.Message, "places tensor 'a' in '");
        StringAssert.Contains(error.Message, "not the plain name of a safetensors file beside it");
    }

    [TestMethod]
    public void OpenWeights_FileIsNotText_IsRefused()
    {
        using var files = Files("""{"weight_map":{"a":7}}""", [], []);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(files.OpenWeights).Message, "places tensor 'a' in '7'");
    }

    [TestMethod]
    public void OpenWeights_DamagedSecondFile_ReleasesTheFirst()
    {
        var folder = Directory.CreateTempSubdirectory("sharded-safetensors").FullName;
        File.WriteAllText(Path.Combine(folder, Index), Map);
        File.WriteAllBytes(Path.Combine(folder, First), Shard(("a", tensor([1f]))));
        File.WriteAllText(Path.Combine(folder, Second), "damaged");
        using var files = new FolderCheckpointFiles(folder);

        var error = Assert.ThrowsExactly<InvalidDataException>(files.OpenWeights);

        StringAssert.Contains(error.Message, Second);
        if (OperatingSystem.IsLinux())
        {
            Assert.IsFalse(File.ReadAllText("/proc/self/maps").Contains(folder, StringComparison.Ordinal), "a file is still mapped");
        }
        Directory.Delete(folder, recursive: true);
    }

    private static MemoryCheckpointFiles Files(string index, (string, Tensor)[] first, (string, Tensor)[] second) => new(
        new Dictionary<string, byte[]> { [Index] = Encoding.UTF8.GetBytes(index), [First] = Shard(first), [Second] = Shard(second) },
        "the model x");

    private static byte[] Shard(params (string Name, Tensor Value)[] tensors)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, tensors.Select(tensor => new SafetensorsEntry(tensor.Name, tensor.Value)));
        return stream.ToArray();
    }
}
