using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class ModelConfigTests
{
    private const string Json =
        """
        {
          "model_type": "bert", "architectures": ["BertModel", "Other"], "hidden_size": 384, "eps": 1e-12,
          "cache": true, "nothing": null, "float": 2.5, "big": 3000000000, "huge": 1e999, "text": "a", "object": {"a": 1},
          "mixed": ["a", 1], "long": [1111111111, 1111111111, 1111111111, 1111111111, 1111111111, 1111111111, 1111111111]
        }
        """;

    [TestMethod]
    public void Fields_Present_AreRead()
    {
        var config = Read(Json);

        Assert.AreEqual("bert", config.ModelType);
        Assert.AreEqual("BertModel Other", string.Join(' ', config.Architectures));
        Assert.AreEqual(384, config.RequireInt("hidden_size"));
        Assert.AreEqual(384, config.OptionalInt("hidden_size", 1));
        Assert.AreEqual("a", config.RequireString("text"));
        Assert.AreEqual("a", config.OptionalString("text", "b"));
        Assert.AreEqual(1e-12, config.OptionalDouble("eps", 1));
        Assert.AreEqual(384.0, config.OptionalDouble("hidden_size", 1));
        Assert.IsTrue(config.OptionalBool("cache", false));
    }

    [TestMethod]
    [DataRow("absent")]
    [DataRow("nothing")]
    public void OptionalFields_AbsentOrNull_GiveTheDefault(string field)
    {
        var config = Read(Json);

        Assert.AreEqual(7, config.OptionalInt(field, 7));
        Assert.AreEqual(0.5, config.OptionalDouble(field, 0.5));
        Assert.AreEqual("d", config.OptionalString(field, "d"));
        Assert.IsNull(config.OptionalString(field, null));
        Assert.IsTrue(config.OptionalBool(field, true));
        Assert.IsEmpty(config.OptionalStrings(field));
        Assert.IsEmpty(Read("{}").Architectures);
    }

    [TestMethod]
    [DataRow("absent")]
    [DataRow("nothing")]
    public void RequiredFields_AbsentOrNull_NameFileAndField(string field)
    {
        var config = Read(Json);

        var number = Assert.ThrowsExactly<InvalidDataException>(() => config.RequireInt(field));
        var text = Assert.ThrowsExactly<InvalidDataException>(() => config.RequireString(field));

        Assert.AreEqual($"'config.json' of the model x has no field '{field}'; expected a whole number.", number.Message);
        Assert.AreEqual($"'config.json' of the model x has no field '{field}'; expected a text.", text.Message);
    }

    [TestMethod]
    public void ModelType_Absent_NamesFileAndField()
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Read("{}").ModelType);

        Assert.AreEqual("'config.json' of the model x has no field 'model_type'; expected a text.", error.Message);
    }

    [TestMethod]
    [DataRow("int", "text", "\"a\"; expected a whole number")]
    [DataRow("int", "float", "2.5; expected a whole number")]
    [DataRow("int", "big", "3000000000; expected a whole number")]
    [DataRow("int", "cache", "true; expected a whole number")]
    [DataRow("double", "text", "\"a\"; expected a number")]
    [DataRow("double", "huge", "1e999; expected a number")]
    [DataRow("string", "hidden_size", "384; expected a text")]
    [DataRow("string", "object", "{\"a\": 1}; expected a text")]
    [DataRow("bool", "hidden_size", "384; expected true or false")]
    [DataRow("strings", "text", "\"a\"; expected a list of texts")]
    [DataRow("strings", "mixed", "[\"a\", 1]; expected a list of texts")]
    [DataRow("string", "long", "[1111111111, 1111111111, 1111111111, 1111111111, 1111111111,...; expected a text")]
    public void Fields_OfAnotherKind_ShowValueAndExpectation(string kind, string field, string problem)
    {
        var config = Read(Json);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => Get(config, kind, field));

        Assert.AreEqual($"'config.json' of the model x: the field '{field}' is {problem}.", error.Message);
    }

    [TestMethod]
    [DataRow("{\"a\":1,\n\"b\" 2}", "LineNumber: 1 | BytePositionInLine: 4")]
    [DataRow("", "is not valid JSON")]
    [DataRow("[1]", "is not a JSON object")]
    public void Read_NotAJsonObject_NamesFileAndPlace(string json, string problem)
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Read(json));

        StringAssert.StartsWith(error.Message, "'config.json' of the model x is not ");
        StringAssert.Contains(error.Message, problem);
    }

    [TestMethod]
    public void Read_OtherFileName_ReadsThatFile()
    {
        using var files = Files("adapter_config.json", """{"r": 8}""");

        Assert.AreEqual(8, ModelConfig.Read(files, "adapter_config.json").RequireInt("r"));
        Assert.ThrowsExactly<FileNotFoundException>(() => ModelConfig.Read(files));
    }

    private static object? Get(ModelConfig config, string kind, string field) => kind switch
    {
        "int" => config.OptionalInt(field, 0),
        "double" => config.OptionalDouble(field, 0),
        "string" => config.OptionalString(field, null),
        "bool" => config.OptionalBool(field, false),
        _ => config.OptionalStrings(field),
    };

    private static ModelConfig Read(string json)
    {
        using var files = Files("config.json", json);
        return ModelConfig.Read(files);
    }

    private static MemoryCheckpointFiles Files(string name, string content) =>
        new(new Dictionary<string, byte[]> { [name] = Encoding.UTF8.GetBytes(content) }, "the model x");
}
