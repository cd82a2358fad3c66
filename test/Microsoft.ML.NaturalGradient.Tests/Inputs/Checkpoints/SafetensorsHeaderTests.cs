using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

/// <summary>Files whose header is malformed or contradicts the data; every case has four bytes of data.</summary>
[TestClass]
public sealed class SafetensorsHeaderTests
{
    [TestMethod]
    [DataRow("", "does not start with '{'")]
    [DataRow(" {}", "does not start with '{'")]
    [DataRow("[]", "does not start with '{'")]
    [DataRow("{", "not valid JSON")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", "not valid JSON")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},}""", "not valid JSON")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x""", "not valid JSON")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""" + "\0", "not valid JSON")]
    [DataRow("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "not valid JSON")]
    [DataRow("""{"a":{"dtype":"\ud800","shape":[1],"data_offsets":[0,4]}}""", "not valid JSON")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""",
        "lists tensor 'a' twice")]
    [DataRow("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"\u0061":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""",
        "lists tensor 'a' twice")]
    [DataRow("""{"a":4}""", "'a' is not described by an object")]
    [DataRow("""{"a":null}""", "'a' is not described by an object")]
    [DataRow("""{"a":[]}""", "'a' is not described by an object")]
    [DataRow("""{"a":{}}""", "'a' lacks one of")]
    [DataRow("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", "'a' lacks one of")]
    [DataRow("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", "'a' lacks one of")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1]}}""", "'a' lacks one of")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}""", "'a' lacks one of")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}""", "'a' lacks one of")]
    [DataRow("""{"a":{"dtype":4,"shape":[1],"data_offsets":[0,4]}}""", "'a' has a malformed or repeated 'dtype'")]
    [DataRow("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "malformed or repeated 'dtype'")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}""", "malformed or repeated 'shape'")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]}}""",
        "malformed or repeated 'data_offsets'")]
    [DataRow("""{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", "'shape' that is not a list")]
    [DataRow("""{"a":{"dtype":"F32","shape":{},"data_offsets":[0,4]}}""", "'shape' that is not a list")]
    [DataRow("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "'shape' with something other than whole")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", "'shape' with something other than whole")]
    [DataRow("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", "'shape' with something other than whole")]
    [DataRow("""{"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}}""", "'shape' with something other than whole")]
    [DataRow("""{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}""", "something other than whole")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", "'data_offsets' with something other than")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "'a' claims bytes 4 to 0 of 4")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'a' claims bytes 0 to 8 of 4: the file is truncated")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807]}}""", "truncated")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "claims 4 bytes, but F32 of shape [2] takes 8")]
    [DataRow("""{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}}""", "claims 4 bytes, but F16 of shape [1] takes 2")]
    [DataRow("""{"a":{"dtype":"F32","shape":[],"data_offsets":[0,0]}}""", "claims 0 bytes, but F32 of shape [] takes 4")]
    [DataRow("""{"a":{"dtype":"F32","shape":[4611686018427387904,4,4],"data_offsets":[0,4]}}""", "whose size overflows")]
    [DataRow("""{"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4]}}""", "whose size overflows")]
    [DataRow("""{"a":{"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]}}""", "whose size overflows")]
    [DataRow("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", "end at byte 3, but 4 bytes follow")]
    [DataRow("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", "'a' begins at byte 1, which leaves a hole after byte 0")]
    [DataRow("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""",
        "'b' begins at byte 2, which leaves a hole after byte 1")]
    [DataRow("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""",
        "'b' begins at byte 2, inside another tensor that ends at 3")]
    [DataRow("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""",
        "inside another tensor that ends at 4")]
    [DataRow("{}", "end at byte 0, but 4 bytes follow")]
    [DataRow("""{"__metadata__":4}""", "__metadata__ is not one object")]
    [DataRow("""{"__metadata__":{},"__metadata__":{}}""", "__metadata__ is not one object")]
    [DataRow("""{"__metadata__":{"a":1}}""", "'a' of its __metadata__ is not one text")]
    [DataRow("""{"__metadata__":{"a":"1","a":"2"}}""", "'a' of its __metadata__ is not one text")]
    public void Open_MalformedHeader_NamesFileAndFault(string header, string fault)
    {
        var content = SafetensorsBytes.Make(header, 1, 2, 3, 4);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsFile.FromMemory(content, "the file x"));

        StringAssert.StartsWith(error.Message, "the file x is not a valid safetensors file: ");
        StringAssert.Contains(error.Message, fault);
    }

    [TestMethod]
    [DataRow("F8_E4M3")]
    [DataRow("U16")]
    [DataRow("f32")]
    [DataRow("")]
    public void Open_UnsupportedType_NamesItAndTheSupported(string type)
    {
        var content = SafetensorsBytes.MakeOne(type, [1], 1, 2, 3, 4);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsFile.FromMemory(content, "the file x"));

        StringAssert.Contains(error.Message, $"the file x: tensor 'a' has element type '{type}', which is not supported");
        StringAssert.Contains(error.Message, "BOOL, U8, I8, I16, F16, BF16, I32, F32, F64, I64");
    }

    [TestMethod]
    public void Open_65Dimensions_Throws()
    {
        var content = SafetensorsBytes.MakeOne("F32", [.. Enumerable.Repeat(1L, 65)], 1, 2, 3, 4);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsFile.FromMemory(content, "x"));

        StringAssert.Contains(error.Message, "has more than 64 numbers in its 'shape'");
    }

    [TestMethod]
    public void Open_InvalidUtf8_Throws()
    {
        var header = Encoding.UTF8.GetBytes("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""");
        header[2] = 0xFF;

        var error = Assert.ThrowsExactly<InvalidDataException>(
            () => SafetensorsFile.FromMemory(SafetensorsBytes.Make(header, 1, 2, 3, 4), "x"));

        StringAssert.Contains(error.Message, "not UTF-8");
    }

    [TestMethod]
    [DataRow(new byte[0], "it has 0 bytes")]
    [DataRow(new byte[] { 2, 0, 0, 0, 0, 0, 0 }, "it has 7 bytes")]
    [DataRow(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D }, "claims a header of 3 bytes, but has 10 bytes in all")]
    [DataRow(new byte[] { 1, 0xE1, 0xF5, 5, 0, 0, 0, 0, 0x7B, 0x7D }, "header of 100000001 bytes, more than the limit")]
    [DataRow(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255 }, "header of 18446744073709551615 bytes, more than")]
    [DataRow(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0 }, "does not start with '{'")]
    public void Open_ImpossibleLength_Throws(byte[] content, string fault)
    {
        var path = Path.GetTempFileName();
        File.WriteAllBytes(path, content);

        var inMemory = Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsFile.FromMemory(content, "x"));
        var mapped = Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsFile.Open(path));
        File.Delete(path);

        StringAssert.Contains(inMemory.Message, fault);
        StringAssert.Contains(mapped.Message, fault);
        StringAssert.Contains(mapped.Message, path);
    }

    [TestMethod]
    public void Open_FixtureCutAnywhere_Throws()
    {
        var whole = File.ReadAllBytes(Path.Combine(
            AppContext.BaseDirectory, "Fixtures", "adapters", "bert-lora", "adapter_model.safetensors"));
        using (SafetensorsFile.FromMemory(whole, "x"))
        {
        }

        for (var length = 0; length < whole.Length; length += 7)
        {
            var cut = whole[..length];
            _ = Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsFile.FromMemory(cut, "x"));
        }
    }

    [TestMethod]
    public void Open_UnknownFieldAndTrailingSpaces_Accepted()
    {
        var content = SafetensorsBytes.Make(
            """{"a":{"dtype":"F32","later":{"x":[1]},"shape":[1],"data_offsets":[0,4]}}   """, 1, 2, 3, 4);

        using var file = SafetensorsFile.FromMemory(content, "x");

        Assert.Contains("a", file.Names);
        Assert.IsEmpty(file.Metadata);
    }

    [TestMethod]
    public void Open_MissingFile_Throws()
    {
        Assert.ThrowsExactly<FileNotFoundException>(() => SafetensorsFile.Open("no-such.safetensors"));
    }
}
