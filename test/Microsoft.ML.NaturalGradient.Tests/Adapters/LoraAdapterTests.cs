using System.Text.Json;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

[TestClass]
public sealed class LoraAdapterTests
{
    private static readonly JsonElement Reference = Fixture.Read($"{BertFixture.Adapter}/reference.json");

    [TestMethod]
    public void Capture_ReferenceAdapter_LogitsLossesAndGramEqualReference()
    {
        using var scope = NewDisposeScope();
        using var run = new AdaptedRun();

        Fixture.AssertClose(Reference.GetProperty("logits").ToTensor(), run.Batch.Logits.detach(), 1e-9);
        Fixture.AssertClose(Reference.GetProperty("loss_per_sample").ToTensor(), run.Batch.Losses, 1e-9);
        Fixture.AssertClose(Reference.GetProperty("s").ToTensor(), run.Batch.SquaredNorms, 1e-9);
        using var captured = run.Batch.Capture(run.Batch.LogitGradients, keepGraph: true);
        Fixture.AssertClose(Reference.GetProperty("gram").ToTensor(), captured.Gram(), 1e-9);
        using var normalised = run.Batch.Capture(run.NormalisedSeeds());
        Fixture.AssertClose(Reference.GetProperty("normalised_gram").ToTensor(), normalised.Gram(), 1e-9);
        AssertNorms("gradient_norms", run.Classifier, captured.Combine(ones(3)));
    }

    [TestMethod]
    public void Solve_ReferenceAdapter_WeightsAndUpdateNormsEqualReference()
    {
        using var scope = NewDisposeScope();
        using var run = new AdaptedRun();
        var damping = Reference.GetProperty("damping_relative").GetDouble();
        using var captured = run.Batch.Capture(run.Batch.LogitGradients, keepGraph: true);
        using var normalised = run.Batch.Capture(run.NormalisedSeeds());

        using var empirical = GramSolver.Solve(captured.Gram(), ones(3, dtype: ScalarType.Float64), damping);
        using var improved = GramSolver.Solve(normalised.Gram(), run.Batch.SquaredNorms.sqrt(), damping);

        Fixture.AssertClose(Reference.GetProperty("weights_ef").ToTensor(), empirical.Weights, 1e-9);
        Fixture.AssertClose(Reference.GetProperty("weights_ief_normalised").ToTensor(), improved.Weights, 1e-9);
        AssertNorms("ef_norms", run.Classifier, captured.Combine(empirical.Weights));
        AssertNorms("ief_norms", run.Classifier, normalised.Combine(improved.Weights));
    }

    [TestMethod]
    public void Names_ReferenceAdapter_EqualReference()
    {
        using var classifier = BertFixture.CreateAdaptedClassifier();

        var trainable = classifier.TrainableParameters.ToDictionary(
            named => BertFixture.ReferenceName(named.Name), named => string.Join(",", named.Value.shape));

        var expected = Reference.GetProperty("trainable").EnumerateObject().ToDictionary(
            entry => entry.Name, entry => string.Join(",", entry.Value.EnumerateArray().Select(size => size.GetInt64())));
        CollectionAssert.AreEquivalent(expected, trainable);
    }

    [TestMethod]
    public void Forward_NewAdapter_EqualsBaseUntilTrained()
    {
        using var scope = NewDisposeScope();
        using var classifier = BertFixture.CreateClassifier();
        var reference = Fixture.Read($"{BertFixture.Encoder}/reference.json");
        using var inputs = BertFixture.Inputs(reference.GetProperty("inputs"));

        Fixture.AssertClose(reference.GetProperty("logits").ToTensor(), classifier.Forward(inputs).detach(), 1e-9);
        var down = classifier.TrainableParameters.First(named => named.Name.EndsWith("lora_A.weight", StringComparison.Ordinal)).Value;
        Assert.IsLessThan(1 / Math.Sqrt(24), down.abs().max().item<double>());
        Assert.IsGreaterThan(0.5 / Math.Sqrt(24), down.abs().max().item<double>());
    }

    [TestMethod]
    public void Forward_Dropout_ActsInTrainingOnly()
    {
        using var scope = NewDisposeScope();
        using var files = BertFixture.OpenFiles();
        using var classifier = new TextClassifier(
            TextEncoderFactory.Create(NaturalGradient.Checkpoints.ModelConfig.Read(files)), 3, new LoraOptions { Dropout = 0.5 }, seed: 1);
        using var noGrad = no_grad();
        var generator = new Generator(3);
        foreach (var parameter in classifier.parameters())
        {
            parameter.normal_(0, 0.2, generator);
        }

        using var inputs = BertFixture.Inputs(Reference.GetProperty("inputs"));
        classifier.train();
        var (first, second) = (classifier.Forward(inputs), classifier.Forward(inputs));
        classifier.eval();
        var (third, fourth) = (classifier.Forward(inputs), classifier.Forward(inputs));

        Assert.IsFalse(first.allclose(second));
        Fixture.AssertClose(third, fourth);
    }

    [TestMethod]
    public void Attach_UnknownTarget_NamesTheLayersThereAre()
    {
        using var files = BertFixture.OpenFiles();
        using var encoder = TextEncoderFactory.Create(NaturalGradient.Checkpoints.ModelConfig.Read(files));

        var exception = Assert.ThrowsExactly<ArgumentException>(
            () => new TextClassifier(encoder, 3, new LoraOptions { TargetModules = ["q_proj"] }, seed: 1));

        StringAssert.Contains(exception.Message, "'q_proj'");
        StringAssert.Contains(exception.Message, "attention.self.query");
        StringAssert.Contains(exception.Message, "intermediate.dense");
    }

    [TestMethod]
    [DataRow("intermediate.dense", 2)]
    [DataRow("dense", 7)]
    [DataRow("encoder.layer.1.attention.self.key", 1)]
    public void Attach_TargetModules_AdaptsLayersWithThatEnding(string target, int layers)
    {
        using var files = BertFixture.OpenFiles();
        using var classifier = new TextClassifier(
            TextEncoderFactory.Create(NaturalGradient.Checkpoints.ModelConfig.Read(files)), 3, new LoraOptions { TargetModules = [target] }, seed: 1);

        Assert.HasCount((2 * layers) + 2, classifier.TrainableParameters);
    }

    [TestMethod]
    public void Validate_OutOfRange_NamesTheSetting()
    {
        AssertInvalid(nameof(LoraOptions.Rank), new LoraOptions { Rank = 0 });
        AssertInvalid(nameof(LoraOptions.Alpha), new LoraOptions { Alpha = double.NaN });
        AssertInvalid(nameof(LoraOptions.Dropout), new LoraOptions { Dropout = 1 });
        AssertInvalid(nameof(LoraOptions.TargetModules), new LoraOptions { TargetModules = [] });
    }

    private static void AssertInvalid(string setting, LoraOptions options)
    {
        var exception = Assert.ThrowsExactly<ArgumentOutOfRangeException>(options.Validate);
        Assert.AreEqual(setting, exception.ParamName);
        StringAssert.Contains(exception.Message, setting);
    }

    private static void AssertNorms(string table, TextClassifier classifier, Dictionary<IntPtr, Tensor> values)
    {
        var norms = Reference.GetProperty(table);
        foreach (var (name, parameter) in classifier.TrainableParameters)
        {
            var expected = norms.GetProperty(BertFixture.ReferenceName(name)).GetDouble();
            Assert.AreEqual(expected, values[parameter.Handle].norm().item<double>(), 1e-9 * expected, name);
        }
    }

    private sealed class AdaptedRun : IDisposable
    {
        private readonly Tensor _labels = Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64);

        public AdaptedRun()
        {
            var inputs = BertFixture.Inputs(Reference.GetProperty("inputs"));
            Batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), _labels, true, () => Classifier.Forward(inputs));
        }

        public TextClassifier Classifier { get; } = BertFixture.CreateAdaptedClassifier();

        public BatchEvaluation Batch { get; }

        public Tensor NormalisedSeeds() => Batch.LogitGradients.div(Batch.SquaredNorms.sqrt().unsqueeze(1));

        public void Dispose()
        {
            Batch.Dispose();
            Classifier.Dispose();
        }
    }
}
