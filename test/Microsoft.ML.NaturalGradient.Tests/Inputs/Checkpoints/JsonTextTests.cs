using System.Text;
using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class JsonTextTests
{
    [TestMethod]
    [DataRow("\uFEFF{\"a\": 1}", DisplayName = "byte-order mark")]
    [DataRow("{ /* why */ \"a\": 1 // so\n}", DisplayName = "comments")]
    [DataRow("{\"a\": 1,}", DisplayName = "trailing comma")]
    [DataRow("{\"a\": [2], \"a\": 1}", DisplayName = "repeated key: the last counts")]
    [DataRow("{\"\\u0061\": 7, \"a\": 1}", DisplayName = "repeated key in another spelling")]
    public void Parse_WhatEditorsLeave_IsReadAndCleaned(string text)
    {
        var content = Encoding.UTF8.GetBytes(text);

        using var document = JsonText.Parse(content, "the file");

        Assert.AreEqual(1, document.RootElement.GetProperty("a").GetInt32());
        using var strict = JsonDocument.Parse(JsonText.Clean(content), new JsonDocumentOptions { AllowDuplicateProperties = false });
        Assert.AreEqual(1, strict.RootElement.EnumerateObject().Single().Value.GetInt32());
        Assert.AreEqual(1, (int)JsonText.ParseObject(content, "the file")["a"]!);
    }

    [TestMethod]
    public void Clean_StrictFile_IsTheSameArray()
    {
        var content = """{"a": [1.50, "\u00e4"], "b": null}"""u8.ToArray();

        Assert.AreSame(content, JsonText.Clean(content));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("{")]
    [DataRow("{\"a\": \"\\ud800\"}", DisplayName = "half a surrogate pair")]
    [DataRow("{\"\\ud800\": 1}", DisplayName = "half a surrogate pair in a key")]
    [DataRow("\u0080latin1", DisplayName = "not UTF-8")]
    [DataRow("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]", DisplayName = "deep")]
    public void Parse_NoJson_IsRefusedByName(string text)
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => JsonText.Parse(Encoding.Latin1.GetBytes(text), "'x.json' of y"));

        Assert.StartsWith("'x.json' of y is not valid JSON: ", exception.Message);
    }

    [TestMethod]
    public void Parse_BracketsAndLittleElse_IsRefusedBeforeItTakesMemory()
    {
        var text = new byte[50_000_001]; // [0,0,...,0], a document of which would take a gigabyte
        for (var place = 1; place < text.Length; place += 2)
        {
            (text[place - 1], text[place]) = ((byte)',', (byte)'0');
        }

        (text[0], text[^1]) = ((byte)'[', (byte)']');
        var before = GC.GetAllocatedBytesForCurrentThread();

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => JsonText.Parse(text, "'x.json' of y"));

        StringAssert.Contains(exception.Message, "has more than 25000000 values");
        Fixture.AssertLess(1_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    [DataRow("config.json", "\uFEFF", "")]
    [DataRow("config.json", "", ", \"hidden_size\": 24, \"id2label\": { \"0\": \"a\", \"0\": \"b\" }")]
    [DataRow("tokenizer_config.json", "\uFEFF// mine\n", ", \"do_lower_case\": true,")]
    public void Fit_FilesAsEditorsLeaveThem_CanBeSavedInEveryWay(string name, string start, string more)
    {
        var folder = Directory.CreateTempSubdirectory("json-text").FullName;
        try
        {
            var source = Directory.CreateDirectory(Path.Combine(folder, "base")).FullName;
            foreach (var file in Directory.GetFiles(TinyText.Folder))
            {
                File.Copy(file, Path.Combine(source, Path.GetFileName(file)));
            }

            var text = File.ReadAllText(Path.Combine(source, name)).TrimEnd();
            File.WriteAllText(Path.Combine(source, name), $"{start}{text[..^1]}{more}}}", new UTF8Encoding(false));
            var mlContext = new MLContext(seed: 1);
            var data = TinyText.KeyedRows(mlContext, 16);

            using var model = TinyText.Trainer(mlContext, options => options.Model = PretrainedModel.FromFolder(source)).Fit(data);
            mlContext.Model.SaveAtomically(model, data.Schema, Path.Combine(folder, "model.zip"));
            model.Model.SavePretrained(Path.Combine(folder, "whole"));
            model.Model.SavePeft(Path.Combine(folder, "adapter"));

            using var loaded = (TextClassificationTransformer)mlContext.Model.Load(Path.Combine(folder, "model.zip"), out _);
            using var whole = ML.Checkpoints.LoadTextClassifier(mlContext, PretrainedModel.FromFolder(Path.Combine(folder, "whole")), sentence1ColumnName: "Text");
            var expected = TinyText.Scores(model, data)[3][0];
            Assert.AreEqual(expected, TinyText.Scores(loaded, data)[3][0]);
            Assert.AreEqual(expected, TinyText.Scores(whole, data)[3][0], 1e-6f);
            using var written = JsonDocument.Parse(
                File.ReadAllBytes(Path.Combine(folder, "whole", name)), new JsonDocumentOptions { AllowDuplicateProperties = false });
            Assert.AreEqual(JsonValueKind.Object, written.RootElement.ValueKind);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
