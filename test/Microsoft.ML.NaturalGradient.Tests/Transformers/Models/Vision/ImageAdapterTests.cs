using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Optimization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

/// <summary>Reference LoRA adapters on image encoders, read from their files, in float64.</summary>
[TestClass]
public sealed class ImageAdapterTests
{
    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void Capture_LogitsLossesAndGramEqualReference(string name)
    {
        using var scope = NewDisposeScope();
        var reference = Reference(name);
        using var classifier = Create(name);
        using var batch = Evaluate(classifier, reference);

        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        using var normalised = batch.Capture(NormalisedSeeds(batch));

        Fixture.AssertClose(reference.GetProperty("logits").ToTensor(), batch.Logits.detach(), 1e-9);
        Fixture.AssertClose(reference.GetProperty("loss_per_sample").ToTensor(), batch.Losses, 1e-9);
        Fixture.AssertClose(reference.GetProperty("s").ToTensor(), batch.SquaredNorms, 1e-9);
        Fixture.AssertClose(reference.GetProperty("gram").ToTensor(), captured.Gram(), 1e-9);
        Fixture.AssertClose(reference.GetProperty("normalised_gram").ToTensor(), normalised.Gram(), 1e-9);
        AssertNorms(reference.GetProperty("gradient_norms"), classifier, captured.Combine(ones(3)));
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void Solve_WeightsAndUpdateNormsEqualReference(string name)
    {
        using var scope = NewDisposeScope();
        var reference = Reference(name);
        var damping = reference.GetProperty("damping_relative").GetDouble();
        using var classifier = Create(name);
        using var batch = Evaluate(classifier, reference);
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        using var normalised = batch.Capture(NormalisedSeeds(batch));

        using var empirical = GramSolver.Solve(captured.Gram(), ones(3, dtype: ScalarType.Float64), damping);
        using var improved = GramSolver.Solve(normalised.Gram(), batch.SquaredNorms.sqrt(), damping);

        Fixture.AssertClose(reference.GetProperty("weights_ef").ToTensor(), empirical.Weights, 1e-9);
        Fixture.AssertClose(reference.GetProperty("weights_ief_normalised").ToTensor(), improved.Weights, 1e-9);
        AssertNorms(reference.GetProperty("ef_norms"), classifier, captured.Combine(empirical.Weights));
        AssertNorms(reference.GetProperty("ief_norms"), classifier, normalised.Combine(improved.Weights));
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void TrainableParameters_NamesAndShapesEqualReference(string name)
    {
        using var classifier = Create(name);

        var trainable = classifier.TrainableParameters.ToDictionary(
            named => AdapterFixture.ReferenceName(named.Name), named => string.Join(",", named.Value.shape));

        var expected = Reference(name).GetProperty("trainable").EnumerateObject().ToDictionary(
            entry => entry.Name, entry => string.Join(",", entry.Value.EnumerateArray().Select(size => size.GetInt64())));
        CollectionAssert.AreEquivalent(expected, trainable);
    }

    [TestMethod]
    [DataRow("vit", "ViTModel", "ViTForImageClassification")]
    [DataRow("deit", "DeiTModel", "DeiTForImageClassificationWithTeacher")]
    [DataRow("deit", "DeiTForImageClassification", "DeiTForImageClassificationWithTeacher")]
    [DataRow("dinov2", "Dinov2Model", "Dinov2ForImageClassification")]
    public void Open_AdapterWithHead_OpensTheBaseAsItsClassifier(string name, string architecture, string expected)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var reference = Reference(name);
        var adapter = ML.Checkpoints.LoadPeft(Folder(name));
        using var files = adapter.Open(new ImageFixture(name).OpenFiles(("architectures", new[] { architecture })));
        var checkpoint = ImageCheckpoint.Load(files);

        using var classifier = ImageFixture.CreateClassifier(checkpoint, adapter);

        using var inputs = ImageFixture.Inputs(reference.GetProperty("inputs"));
        Assert.AreEqual(expected, string.Join(' ', ModelConfig.Read(files).Architectures));
        Assert.IsTrue(checkpoint.Encoder.HasClassificationHead);
        Fixture.AssertClose(reference.GetProperty("logits").ToTensor(), classifier.Forward(inputs), 1e-9);
    }

    [TestMethod]
    public void Open_AdapterOfDeiTWithOneHead_FitsABaseThatHasTwo()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new ImageFixture("deit");
        using var inputs = fixture.Inputs();
        var lora = new LoraOptions { Rank = 2, Alpha = 4 };
        using var trained = fixture.CreateClassifier(lora, changes: ("architectures", new[] { "DeiTModel" }));
        EncoderFixture.Perturb(trained);
        var folder = Directory.CreateTempSubdirectory("deit-adapter").FullName;
        File.WriteAllBytes(Path.Combine(folder, AdapterConfig.FileName), AdapterConfig.Write(lora, trained, null));
        using (var stream = File.Create(Path.Combine(folder, AdapterConfig.WeightsName)))
        {
            SafetensorsWriter.Write(stream, AdapterWeights.Entries(trained, lora), AdapterWeights.Metadata(readsMean: false));
        }

        var adapter = ML.Checkpoints.LoadPeft(folder);
        Directory.Delete(folder, recursive: true);
        using var files = adapter.Open(fixture.OpenFiles());
        var checkpoint = ImageCheckpoint.Load(files);
        using var classifier = ImageFixture.CreateClassifier(checkpoint, adapter);

        Assert.AreEqual("DeiTForImageClassification", string.Join(' ', ModelConfig.Read(files).Architectures));
        Assert.IsNull(checkpoint.HeadWeights);
        // The weights pass through a float32 model.
        Fixture.AssertClose(trained.Forward(inputs), classifier.Forward(inputs), 1e-5, 1e-6);
    }

    [TestMethod]
    public void Open_AdapterForFeatures_LeavesTheBase()
    {
        var folder = Directory.CreateTempSubdirectory("vit-features").FullName;
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder("vit"), AdapterConfig.FileName)))!;
        config["task_type"] = "FEATURE_EXTRACTION";
        File.WriteAllText(Path.Combine(folder, AdapterConfig.FileName), config.ToJsonString());
        File.Copy(Path.Combine(Folder("vit"), AdapterConfig.WeightsName), Path.Combine(folder, AdapterConfig.WeightsName));
        using var files = new ImageFixture("vit").OpenFiles(("architectures", new[] { "ViTModel" }));

        var adapter = ML.Checkpoints.LoadPeft(folder);
        Directory.Delete(folder, recursive: true);

        Assert.AreSame(files, adapter.Open(files));
    }

    [TestMethod]
    public void Attach_AdapterForTexts_SaysWhichTasksAreSupported()
    {
        var adapter = ML.Checkpoints.LoadPeft(Path.Combine(AppContext.BaseDirectory, "Fixtures", "adapters", "bert-lora"));

        var exception = Assert.ThrowsExactly<NotSupportedException>(() => new ImageFixture("vit").CreateClassifier(adapter));

        StringAssert.Contains(exception.Message, "task_type 'SEQ_CLS'");
        StringAssert.EndsWith(exception.Message, "Supported are none (null) and FEATURE_EXTRACTION.");
    }

    [TestMethod]
    public void Attach_UnknownTarget_ListsTheLayers()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(
            () => new ImageFixture("dinov2").CreateClassifier(new LoraOptions { TargetModules = ["q_lin"] }));

        StringAssert.Contains(exception.Message, "'q_lin'");
        StringAssert.Contains(exception.Message, "attention.attention.query");
        StringAssert.Contains(exception.Message, "mlp.fc1");
    }

    [TestMethod]
    public void Attach_Prompt_SaysThatThereIsNoText()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => new ImageFixture("vit").CreateClassifier(new PromptTuningOptions()));

        StringAssert.Contains(exception.Message, "'vit' reads pictures");
        StringAssert.Contains(exception.Message, "Adapters.LoRA");
    }

    private static string Folder(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "adapters", $"{name}-lora");

    private static JsonElement Reference(string name) => Fixture.Read($"adapters/{name}-lora/reference.json");

    // Through the files, as a user reads them.
    private static ImageClassifier Create(string name) => new ImageFixture(name).CreateClassifier(ML.Checkpoints.LoadPeft(Folder(name)));

    private static BatchEvaluation Evaluate(ImageClassifier classifier, JsonElement reference)
    {
        var inputs = ImageFixture.Inputs(reference.GetProperty("inputs"));
        var labels = reference.GetProperty("labels").ToTensor().to(ScalarType.Int64);
        return BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => classifier.Forward(inputs));
    }

    private static Tensor NormalisedSeeds(BatchEvaluation batch) => batch.LogitGradients.div(batch.SquaredNorms.sqrt().unsqueeze(1));

    private static void AssertNorms(JsonElement norms, ImageClassifier classifier, ParameterVector values)
    {
        foreach (var (parameter, value) in classifier.TrainableParameters)
        {
            var expected = norms.GetProperty(AdapterFixture.ReferenceName(parameter)).GetDouble();
            Assert.AreEqual(expected, values[value].norm().item<double>(), 1e-9 * expected, parameter);
        }
    }
}
