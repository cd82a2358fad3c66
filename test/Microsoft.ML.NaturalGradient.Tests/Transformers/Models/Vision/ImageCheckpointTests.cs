using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Vision;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

[TestClass]
public sealed class ImageCheckpointTests
{
    [TestMethod]
    [DataRow("vit", "ViTModel")]
    [DataRow("dinov2", "Dinov2Model")]
    public void Load_BareEncoder_EqualsTheOneWithHead(string name, string architecture)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new ImageFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var inputs = fixture.Inputs();
        using var files = Bare(fixture, name, architecture, ("pooler.dense.weight", zeros(24, 24)), ("embeddings.mask_token", zeros(1, 24)));

        var checkpoint = ImageCheckpoint.Load(files);

        using var encoder = checkpoint.Encoder;
        _ = encoder.to(ScalarType.Float64);
        Assert.IsNull(checkpoint.HeadWeights);
        Fixture.AssertClose(classifier.Encoder.Pool(inputs), encoder.Pool(inputs), 1e-12);
    }

    [TestMethod]
    public void Load_TensorThatEncoderDoesNotUse_ListsIt()
    {
        using var scope = NewDisposeScope();
        var fixture = new ImageFixture("dinov2");
        using var files = Bare(fixture, "dinov2", "Dinov2Model", ("embeddings.register_tokens", zeros(1, 4, 24)));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => ImageCheckpoint.Load(files));

        StringAssert.Contains(exception.Message, "embeddings.register_tokens");
    }

    [TestMethod]
    public void Load_WeightsOfAnotherArchitecture_SaysThatTheyDoNotFit()
    {
        using var files = new ImageFixture("vit").OpenFiles(("model_type", "dinov2"));

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => ImageCheckpoint.Load(files));

        StringAssert.Contains(exception.Message, "encoder.layer.0.norm1.weight is missing");
    }

    [TestMethod]
    public void Load_DeiTWithoutTeacher_ReadsTheClassToken()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new ImageFixture("deit");
        using var files = fixture.OpenFiles(("architectures", new[] { "DeiTForImageClassification" }));
        using var inputs = fixture.Inputs();

        var checkpoint = ImageCheckpoint.Load(files);

        using var encoder = checkpoint.Encoder;
        _ = encoder.to(ScalarType.Float64);
        Assert.AreEqual("classifier", encoder.Head.Output);
        Assert.IsNull(encoder.Head.SecondOutput);
        Fixture.AssertClose(encoder.Encode(inputs)[.., 0], encoder.Pool(inputs), 1e-12);
    }

    [TestMethod]
    [DataRow("vit", 24)]
    [DataRow("deit", 24)]
    [DataRow("dinov2", 48)]
    public void Load_OtherNumberOfClasses_KeepsEncoderAndMakesFreshHead(string name, int width)
    {
        using var classifier = new ImageFixture(name).CreateClassifier(new HeadOnlyOptions(), classCount: 7);

        foreach (var (parameter, value) in classifier.TrainableParameters)
        {
            StringAssert.Contains(parameter, "classifier.");
            CollectionAssert.AreEqual(parameter.EndsWith("weight", StringComparison.Ordinal) ? [7, width] : new long[] { 7 }, value.shape);
        }

        Assert.HasCount(name == "deit" ? 4 : 2, classifier.TrainableParameters);
    }

    [TestMethod]
    public void Load_KeepsSmallFilesFromWhichAllIsReadAgain()
    {
        const string json = """{ "image_processor_type": "ViTImageProcessor", "size": { "height": 24, "width": 24 } }""";
        var contents = new EncoderFixture("vit").Contents();
        contents[CheckpointFiles.PreprocessorName] = Encoding.UTF8.GetBytes(json);
        using var files = new MemoryCheckpointFiles(contents, "the model x");

        var checkpoint = ImageCheckpoint.Load(files);

        using var encoder = checkpoint.Encoder;
        Assert.AreEqual("vit", checkpoint.Encoder.Architecture.ModelType);
        CollectionAssert.AreEqual(contents[CheckpointFiles.ConfigName], checkpoint.Files[CheckpointFiles.ConfigName]);
        CollectionAssert.AreEqual(contents[CheckpointFiles.PreprocessorName], checkpoint.Files[CheckpointFiles.PreprocessorName]);
        Assert.IsFalse(checkpoint.Files.ContainsKey(CheckpointFiles.WeightsName));
        Assert.AreEqual(24, checkpoint.ReadPreprocessor().Width);
        Assert.AreEqual(40, checkpoint.ReadPreprocessor(40).Height);
    }

    [TestMethod]
    public void ReadPreprocessor_FileNamesNoProcessor_TakesTheOneOfTheModelType()
    {
        var contents = new EncoderFixture("dinov2").Contents();
        contents[CheckpointFiles.PreprocessorName] = "{}"u8.ToArray();
        using var files = new MemoryCheckpointFiles(contents, "the model x");
        var checkpoint = ImageCheckpoint.Load(files);
        using var encoder = checkpoint.Encoder;

        var preprocessor = checkpoint.ReadPreprocessor();

        Assert.AreEqual(224, preprocessor.Width);
    }

    [TestMethod]
    public void ReadPreprocessor_NoFile_SaysWhereToTakeItFrom()
    {
        using var files = new ImageFixture("dinov2").OpenFiles();
        var checkpoint = ImageCheckpoint.Load(files);
        using var encoder = checkpoint.Encoder;

        var exception = Assert.ThrowsExactly<FileNotFoundException>(() => checkpoint.ReadPreprocessor());

        StringAssert.StartsWith(exception.Message, "There is no 'preprocessor_config.json' in the dinov2 fixture");
        StringAssert.Contains(exception.Message, "Put it beside the model's other files");
        Assert.AreEqual("preprocessor_config.json", exception.FileName);
    }

    private static MemoryCheckpointFiles Bare(ImageFixture fixture, string name, string architecture, params (string Name, Tensor Value)[] extra)
    {
        using var files = fixture.OpenFiles(("architectures", new[] { architecture }));
        using var weights = files.OpenWeights();
        using var content = new MemoryStream();
        SafetensorsWriter.Write(content, weights.Names.Where(entry => entry.StartsWith(name + ".", StringComparison.Ordinal))
            .Where(entry => !entry.Contains("mask_token", StringComparison.Ordinal))
            .Select(entry => new SafetensorsEntry(entry[(name.Length + 1)..], weights.Read(entry, ScalarType.Float32), ScalarType.Float32))
            .Concat(extra.Select(entry => new SafetensorsEntry(entry.Name, entry.Value, ScalarType.Float32))));
        return new MemoryCheckpointFiles(
            new Dictionary<string, byte[]> { [CheckpointFiles.ConfigName] = files.Read(CheckpointFiles.ConfigName), [CheckpointFiles.WeightsName] = content.ToArray() },
            "the bare encoder");
    }
}
