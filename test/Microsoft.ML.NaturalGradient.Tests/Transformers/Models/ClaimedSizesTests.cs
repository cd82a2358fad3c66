using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>Sizes that a configuration claims are compared with the weights before memory is taken for them.</summary>
[TestClass]
public sealed class ClaimedSizesTests
{
    [TestMethod]
    [DataRow("bert", "hidden_size", 24_000, "word_embeddings.weight has shape [60, 24], expected [60, 24000]")]
    [DataRow("bert", "vocab_size", 50_000_000, "word_embeddings.weight has shape [60, 24], expected [50000000, 24]")]
    [DataRow("bert", "intermediate_size", 2_000_000_000, "expected [2000000000, 24]")]
    [DataRow("bert", "max_position_embeddings", 2_000_000_000, "expected [2000000000, 24]")]
    [DataRow("bert", "num_hidden_layers", 10_000, "many more tensors than the weights have")]
    [DataRow("bert", "num_hidden_layers", 1_000_000, "num_hidden_layers 1000000; it must be from 1 to 10000")]
    [DataRow("modernbert", "num_hidden_layers", 2_147_483_647, "it must be from 1 to 10000")]
    [DataRow("bert", "num_hidden_layers", 3, "encoder.layer.2.attention.self.query.weight is missing")]
    [DataRow("deberta-v2", "embedding_size", -5, "embedding_size -5; it must be at least 1")]
    public void Load_TextEncoder_IsRefusedByTensorAndShapes(string name, string field, int value, string message)
    {
        using var files = new EncoderFixture(name).OpenFiles((field, value));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => TextCheckpoint.Load(files));

        StringAssert.Contains(exception.Message, message);
    }

    [TestMethod]
    [DataRow("t5", "d_model", 1_000_000_000, "shared.weight has shape")]
    [DataRow("t5", "num_layers", 10_000, "many more tensors")]
    [DataRow("t5", "num_layers", 2_147_483_647, "num_layers 2147483647; it must be from 1 to 10000")]
    [DataRow("t5", "num_decoder_layers", 1_000_000_000, "num_decoder_layers 1000000000; it must be from 1 to 10000")]
    [DataRow("t5", "d_kv", 2_000_000_000, "")]
    [DataRow("vit", "hidden_size", 24_000, "cls_token has shape [1, 1, 24], expected [1, 1, 24000]")]
    [DataRow("vit", "image_size", 24_000, "position_embeddings has shape")]
    [DataRow("vit", "image_size", 2_000_000_000, "which is not possible")]
    [DataRow("vit", "patch_size", 20, "expected")]
    [DataRow("dinov2", "num_hidden_layers", 9_999, "many more tensors")]
    public void Load_OtherNetworks_AreRefusedByTensorAndShapes(string name, string field, int value, string message)
    {
        using var files = Changed(name, field, value);

        var exception = Assert.ThrowsExactly<InvalidDataException>(() =>
        {
            var config = ModelConfig.Read(files);
            using var weights = files.OpenWeights();
            using PretrainedNetwork network = name == "t5" ? Architectures.Find("t5")!.Load(config, weights).Network : ImageCheckpoint.Load(files).Encoder;
        });

        StringAssert.Contains(exception.Message, message);
    }

    [TestMethod]
    public void Fit_HiddenSizeOfAnotherModel_IsRefusedWithoutLibtorchsWords()
    {
        var folder = Directory.CreateTempSubdirectory("claimed-sizes").FullName;
        try
        {
            foreach (var file in Directory.GetFiles(TinyText.Folder))
            {
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            }

            var config = Path.Combine(folder, "config.json");
            File.WriteAllText(config, File.ReadAllText(config).Replace("\"hidden_size\": 24", "\"hidden_size\": 24000", StringComparison.Ordinal));
            var mlContext = new MLContext(seed: 1);

            var exception = Assert.ThrowsExactly<InvalidDataException>(() => TinyText.Trainer(
                mlContext, options => options.Model = PretrainedModel.FromFolder(folder)).Fit(TinyText.KeyedRows(mlContext, 8)));

            StringAssert.Contains(exception.Message, "expected [60, 24000]");
            Assert.DoesNotContain("torch", exception.Message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void LoadPeft_RankOfAnotherAdapter_IsRefusedByTensorAndShapes()
    {
        var source = Path.Combine(AppContext.BaseDirectory, "Fixtures", "adapters", "bert-lora");
        var contents = new[] { "adapter_config.json", "adapter_model.safetensors" }.ToDictionary(name => name, name => File.ReadAllBytes(Path.Combine(source, name)));
        var config = System.Text.Json.Nodes.JsonNode.Parse(contents["adapter_config.json"])!;
        config["r"] = 4096;
        contents["adapter_config.json"] = System.Text.Encoding.UTF8.GetBytes(config.ToJsonString());
        using var files = new MemoryCheckpointFiles(contents, "the adapter");
        using var baseFiles = new EncoderFixture("bert").OpenFiles();
        var adapter = PretrainedAdapter.Read(files);
        using var encoder = TextCheckpoint.Load(baseFiles).Encoder;

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => new TextClassifier(encoder, 3, adapter, seed: 1));

        StringAssert.Contains(exception.Message, "lora_A.weight has shape [");
        StringAssert.Contains(exception.Message, "expected [4096, 24]");
    }

    [TestMethod]
    public void WithoutMemory_ATableOfTerabytes_TakesNone()
    {
        using var table = NewParameter.WithoutMemory(() => new EmbeddingLayer(50_000_000, 24_000), most: 1);

        CollectionAssert.AreEqual(new[] { 50_000_000L, 24_000L }, table.parameters().Single().shape);
        Assert.AreEqual(META.type, table.parameters().Single().device_type);
        _ = Assert.ThrowsExactly<InvalidDataException>(() => NewParameter.WithoutMemory(() => new LinearLayer(2, 2), most: 1));
        using var ordinary = new LinearLayer(2, 2); // the limit ends with the call
        Assert.AreEqual(CPU.type, ordinary.parameters().First().device_type);
    }

    private static MemoryCheckpointFiles Changed(string name, string field, int value)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "Fixtures", "encoders", name);
        var config = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        config[field] = value;
        return new MemoryCheckpointFiles(new Dictionary<string, byte[]>
        {
            [CheckpointFiles.ConfigName] = System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()),
            [CheckpointFiles.WeightsName] = File.ReadAllBytes(Path.Combine(folder, "model.safetensors")),
        }, $"the {name} fixture");
    }
}
