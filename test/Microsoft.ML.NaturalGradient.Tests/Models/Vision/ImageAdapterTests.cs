using System.Text.Json;
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

    private static void AssertNorms(JsonElement norms, ImageClassifier classifier, Dictionary<IntPtr, Tensor> values)
    {
        foreach (var (parameter, value) in classifier.TrainableParameters)
        {
            var expected = norms.GetProperty(AdapterFixture.ReferenceName(parameter)).GetDouble();
            Assert.AreEqual(expected, values[value.Handle].norm().item<double>(), 1e-9 * expected, parameter);
        }
    }
}
