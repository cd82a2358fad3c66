using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>An encoder with LoRA and one output against the reference libraries, with and without row weights; float64.</summary>
[TestClass]
[DoNotParallelize]
public sealed class NumberTaskTests
{
    private const double Relative = 1e-9;
    private const double RelativeDamping = 1e-3; // of the reference

    [TestMethod]
    [DataRow("bert")]
    [DataRow("roberta")]
    public void Evaluate_Reference_Agrees(string encoder)
    {
        using var scope = NewDisposeScope();
        var reference = Read(encoder);
        using var classifier = Load(encoder);
        using var batch = Evaluate(classifier, reference);
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        using var normalised = batch.Capture(batch.UnitLogitGradients(), keepGraph: true);

        Fixture.AssertClose(reference.GetProperty("outputs")[0].ToTensor(), batch.Logits.detach(), Relative);
        Fixture.AssertClose(reference.GetProperty("loss_per_sample").ToTensor(), batch.Losses, Relative);
        Fixture.AssertClose(reference.GetProperty("s").ToTensor(), batch.SquaredNorms, Relative);
        Fixture.AssertClose(reference.GetProperty("gram").ToTensor(), captured.Gram(), Relative);
        Fixture.AssertClose(reference.GetProperty("normalised_gram").ToTensor(), normalised.Gram(), Relative);
        AssertNorms(reference.GetProperty("ef_norms"), classifier, Direction(Ef with { Damping = RelativeDamping }, classifier, reference));
        AssertNorms(reference.GetProperty("ief_norms"), classifier, Direction(Ief with { Damping = RelativeDamping }, classifier, reference));
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("roberta")]
    public void Evaluate_RowWeights_AgreesWithReference(string encoder)
    {
        using var scope = NewDisposeScope();
        var (whole, reference) = (Read(encoder), Read(encoder).GetProperty("row_weights"));
        var weights = reference.GetProperty("weights").ToTensor();
        using var classifier = Load(encoder);
        using var batch = Evaluate(classifier, whole, weights);
        var parameters = Parameters(classifier);
        using var normalised = batch.Capture(batch.Weights.TimesRoots(batch.UnitLogitGradients()), keepGraph: true);
        using var solution = GramSolver.Solve(
            normalised.Gram(), batch.Weights.TimesRoots(batch.SquaredNorms.sqrt()), RelativeDamping, rowWeights: batch.Weights.Values);
        var gradient = batch.MeanGradient(parameters);

        Assert.AreEqual(reference.GetProperty("damping").GetDouble(), solution.Damping, 1e-12);
        Fixture.AssertClose(reference.GetProperty("weights_ief_normalised").ToTensor(), batch.Weights.TimesRoots(solution.Weights), Relative);
        AssertNorms(reference.GetProperty("ief_norms"), classifier, Direction(Ief with { Damping = RelativeDamping }, classifier, whole, weights));
        AssertNorms(
            reference.GetProperty("gradient_norms"), classifier,
            new ParameterVector(parameters, gradient.Select(part => part.mul(batch.Weights.Sum))));
    }

    private static ParameterVector Direction(OptimizerOptions method, TextClassifier classifier, JsonElement reference, Tensor? weights = null)
    {
        using var batch = Evaluate(classifier, reference, weights);
        using var optimizer = method.Build(Parameters(classifier), seed: 0);
        return ((IUpdateDirection)optimizer).Direction(batch);
    }

    private static void AssertNorms(JsonElement expected, TextClassifier classifier, ParameterVector direction)
    {
        var named = classifier.TrainableParameters;
        Assert.HasCount(expected.EnumerateObject().Count(), named);
        foreach (var (name, value) in named)
        {
            var norm = expected.GetProperty(AdapterFixture.ReferenceName(name)).GetDouble();
            Assert.AreEqual(norm, direction[value].norm().item<double>(), Relative * (1 + norm), name);
        }
    }

    private static JsonElement Read(string encoder) => Fixture.Read($"tasks/{encoder}-number/reference.json");

    private static IReadOnlyList<Parameter> Parameters(TextClassifier classifier) => [.. classifier.TrainableParameters.Select(named => named.Value)];

    private static BatchEvaluation Evaluate(TextClassifier classifier, JsonElement reference, Tensor? weights = null)
    {
        var inputs = EncoderFixture.Inputs(reference.GetProperty("inputs"));
        return BatchEvaluation.Run(
            new SquaredError(), reference.GetProperty("labels").ToTensor(), true, () => classifier.Forward(inputs), rowWeights: weights);
    }

    private static TextClassifier Load(string encoder)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "Fixtures", "tasks", $"{encoder}-number");
        using var files = new MemoryCheckpointFiles(
            new Dictionary<string, byte[]>
            {
                [CheckpointFiles.ConfigName] = File.ReadAllBytes(Path.Combine(folder, "base", "config.json")),
                [CheckpointFiles.WeightsName] = File.ReadAllBytes(Path.Combine(folder, "base", "model.safetensors")),
                ["vocab.txt"] = System.Text.Encoding.UTF8.GetBytes(EncoderFixture.Vocabulary),
                ["tokenizer_config.json"] = """{ "tokenizer_class": "BertTokenizer" }"""u8.ToArray(),
            },
            $"the {encoder}-number fixture");
        var checkpoint = TextCheckpoint.Load(files);
        var classifier = new TextClassifier(checkpoint.Encoder, 1, new LoraOptions { Rank = 4, Alpha = 8 }, seed: 1);
        _ = classifier.to(ScalarType.Float64);
        using var adapter = new FolderCheckpointFiles(folder).OpenSafetensors("adapter_model.safetensors");
        Assert.IsEmpty(CheckpointLoader.Load(classifier.TrainableParameters, adapter, ["base_model.model."]).Unused);
        return classifier;
    }
}
