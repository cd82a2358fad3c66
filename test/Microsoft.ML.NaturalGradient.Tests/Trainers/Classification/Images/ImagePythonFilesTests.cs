using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Checkpoints;
using static Microsoft.ML.NaturalGradient.Tests.Classification.SavedFolder;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>What Python looks for in saved folders of picture models, beside the weights.</summary>
[TestClass]
public sealed class ImagePythonFilesTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("image-python").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("vit", "AutoModelForImageClassification")]
    [DataRow("deit", "DeiTForImageClassificationWithTeacher")]
    [DataRow("dinov2", "AutoModelForImageClassification")]
    public void SavePeft_NamesTheClassOfTheBaseAsPeftDoes(string architecture, string loader)
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var model = TinyImages.Trainer(_mlContext, options => options.Model = TinyImages.Model(architecture)).Fit(data);

        model.Model.SavePeft(_folder);
        using var loaded = ML.Checkpoints.LoadImageClassifier(
            _mlContext, TinyImages.Model(architecture), ML.Checkpoints.LoadPeft(_folder), featureColumnName: "ImagePath");

        var reference = Fixture.Read($"adapters/{architecture}-lora/adapter_config.json").GetProperty("auto_mapping");
        Assert.IsTrue(JsonNode.DeepEquals(JsonNode.Parse(reference.GetRawText()), Json(_folder, "adapter_config.json")["auto_mapping"]));
        Assert.AreEqual("ViTImageProcessor", (string?)Json(_folder, "preprocessor_config.json")["image_processor_type"]);
        var readme = File.ReadAllText(Path.Combine(_folder, "README.md"));
        Assert.Contains($"{loader}.from_pretrained(\"BASE\", num_labels=3, id2label=id2label, label2id=label2id)", readme);
        Assert.Contains("pipeline_tag: image-classification", readme);
        Assert.Contains("from PIL import Image, ImageOps\n", readme);
        Assert.Contains("images=[ImageOps.exif_transpose(Image.open(\"picture.jpg\")).convert(\"RGB\")]", readme); // upright, as here
        Assert.Contains("id2label = {0: \"above\", 1: \"below\", 2: \"flat\"}", readme);
        CollectionAssert.AreEqual(TinyImages.Classes, loaded.Model.ClassNames.ToArray());
    }

    [TestMethod]
    [DataRow("vit", 24, false)]
    [DataRow("vit", 32, true)]
    [DataRow("deit", 32, true)]
    [DataRow("dinov2", 32, false)]
    public void SavePretrained_OtherSize_SaysWhereTransformersMustBeTold(string architecture, int size, bool expected)
    {
        using var model = TinyImages.Trainer(_mlContext, options =>
        {
            options.Model = TinyImages.Model(architecture);
            options.ImageSize = size;
        }).Fit(TinyImages.KeyedRows(_mlContext));

        model.Model.SavePretrained(_folder);

        Assert.AreEqual(expected, File.ReadAllText(Path.Combine(_folder, "README.md")).Contains("interpolate_pos_encoding=True", StringComparison.Ordinal));
        Assert.IsNotNull(Json(_folder, "preprocessor_config.json")["image_processor_type"]);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void SavePretrained_Dinov2_HasTheMaskTokenOfTheBase(bool afterModelSave)
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var trained = TinyImages.Trainer(_mlContext, options =>
        {
            options.Model = TinyImages.Model("dinov2");
            options.Adapter = Adapters.Full;
        }).Fit(data);
        using var stream = new MemoryStream();
        _mlContext.Model.Save(trained, data.Schema, stream);
        using var loaded = (ImageClassificationTransformer)_mlContext.Model.Load(stream, out _);

        (afterModelSave ? loaded : trained).Model.SavePretrained(_folder);

        const string Token = "dinov2.embeddings.mask_token";
        CollectionAssert.AreEquivalent(WeightNames(TinyImages.ModelFolder("dinov2")), WeightNames(_folder));
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var before = SafetensorsFile.Open(Path.Combine(TinyImages.ModelFolder("dinov2"), "model.safetensors"));
        using var after = SafetensorsFile.Open(Path.Combine(_folder, "model.safetensors"));
        CollectionAssert.AreEqual(
            before.Read(Token, TorchSharp.torch.ScalarType.Float32).bytes.ToArray(), after.Read(Token, TorchSharp.torch.ScalarType.Float32).bytes.ToArray());
    }
}
