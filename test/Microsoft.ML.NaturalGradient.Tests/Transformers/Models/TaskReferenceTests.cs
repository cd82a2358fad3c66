using System.Text.Json;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>Encoders with LoRA and the heads of every task against the reference libraries, with and without row weights; float64.</summary>
[TestClass]
[DoNotParallelize]
public sealed class TaskReferenceTests
{
    private const double Relative = 1e-9;
    private const double RelativeDamping = 1e-3; // of the reference

    public static IEnumerable<object[]> All => Directory.EnumerateDirectories(Path.Combine(AppContext.BaseDirectory, "Fixtures", "tasks"))
        .Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal).Select(name => new object[] { name });

    [TestMethod]
    public void Fixtures_AreThirteen() => Assert.HasCount(13, All);

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Evaluate_Reference_Agrees(string name)
    {
        using var scope = NewDisposeScope();
        var reference = Read(name);
        using var network = Load(name);
        using var batch = Evaluate(network, reference);
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        using var normalised = batch.Capture(batch.UnitLogitGradients(), keepGraph: true);

        AssertOutputs(reference, batch.Logits.detach());
        Fixture.AssertClose(reference.GetProperty("loss_per_sample").ToTensor(), batch.Losses, Relative);
        Fixture.AssertClose(reference.GetProperty("s").ToTensor(), batch.SquaredNorms, Relative);
        Fixture.AssertClose(reference.GetProperty("gram").ToTensor(), captured.Gram(), Relative);
        Fixture.AssertClose(reference.GetProperty("normalised_gram").ToTensor(), normalised.Gram(), Relative);
        AssertNorms(reference.GetProperty("gradient_norms"), network, Gradient(batch, network));
        AssertNorms(reference.GetProperty("ef_norms"), network, Direction(Ef with { Damping = RelativeDamping }, network, reference));
        AssertNorms(reference.GetProperty("ief_norms"), network, Direction(Ief with { Damping = RelativeDamping }, network, reference));
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Evaluate_RowWeights_AgreesWithReference(string name)
    {
        using var scope = NewDisposeScope();
        var (whole, reference) = (Read(name), Read(name).GetProperty("row_weights"));
        var weights = reference.GetProperty("weights").ToTensor();
        using var network = Load(name);
        using var batch = Evaluate(network, whole, weights);
        using var normalised = batch.Capture(batch.Weights.TimesRoots(batch.UnitLogitGradients()), keepGraph: true);
        using var solution = GramSolver.Solve(
            normalised.Gram(), batch.Weights.TimesRoots(batch.SquaredNorms.sqrt()), RelativeDamping, rowWeights: batch.Weights.Values);

        Assert.AreEqual(reference.GetProperty("damping").GetDouble(), solution.Damping, 1e-12 + (1e-9 * solution.Damping));
        Fixture.AssertClose(reference.GetProperty("weights_ief_normalised").ToTensor(), batch.Weights.TimesRoots(solution.Weights), Relative);
        AssertNorms(reference.GetProperty("ief_norms"), network, Direction(Ief with { Damping = RelativeDamping }, network, whole, weights));
        AssertNorms(reference.GetProperty("gradient_norms"), network, Gradient(batch, network));
    }

    // transformers halves the loss of spans and gives the two distributions one by one; ours are [N, 2, T]. What stands at padding has no meaning.
    private static void AssertOutputs(JsonElement reference, Tensor logits)
    {
        var outputs = reference.GetProperty("outputs").EnumerateArray().Select(output => output.ToTensor()).ToArray();
        var mask = reference.GetProperty("inputs").GetProperty("attention_mask").ToTensor(); // [N, T]
        var isRead = reference.GetProperty("task").GetString() switch { "tokens" => mask.unsqueeze(-1), "span" => mask.unsqueeze(1), _ => ones(1, dtype: ScalarType.Float64) };
        Fixture.AssertClose((outputs.Length == 1 ? outputs[0] : stack(outputs, 1)).mul(isRead), logits.mul(isRead), Relative);
    }

    private static ParameterVector Gradient(BatchEvaluation batch, TextNetwork network) =>
        new(Parameters(network), batch.MeanGradient(Parameters(network), keepGraph: true).Select(part => part.mul(batch.Weights.Sum)));

    private static ParameterVector Direction(OptimizerOptions method, TextNetwork network, JsonElement reference, Tensor? weights = null)
    {
        using var batch = Evaluate(network, reference, weights);
        using var optimizer = method.Build(Parameters(network), seed: 0);
        return ((IUpdateDirection)optimizer).Direction(batch);
    }

    private static void AssertNorms(JsonElement expected, TextNetwork network, ParameterVector direction)
    {
        var named = network.TrainableParameters;
        Assert.HasCount(expected.EnumerateObject().Count(), named);
        foreach (var (name, value) in named)
        {
            var norm = expected.GetProperty(AdapterFixture.ReferenceName(name)).GetDouble();
            Assert.AreEqual(norm, direction[value].norm().item<double>(), Relative * (1 + norm), name);
        }
    }

    private static JsonElement Read(string name) => Fixture.Read($"tasks/{name}/reference.json");

    private static IReadOnlyList<Parameter> Parameters(TextNetwork network) => [.. network.TrainableParameters.Select(named => named.Value)];

    private static BatchEvaluation Evaluate(TextNetwork network, JsonElement reference, Tensor? weights = null)
    {
        var inputs = EncoderFixture.Inputs(reference.GetProperty("inputs"));
        if (reference.GetProperty("task").GetString() == "span")
        {
            // PEFT 0.21 does not hand the segments of question and text on to the model that answers questions, so that the reference is without them.
            inputs = new TokenBatch(inputs.Ids, inputs.Mask, zeros_like(inputs.TypeIds), inputs.IsPadded);
        }

        var (objective, labels) = Task(reference, inputs.Mask);
        return BatchEvaluation.Run(objective, labels, true, () => network.Forward(inputs), rowWeights: weights);
    }

    private static (IObjective Objective, Tensor Labels) Task(JsonElement reference, Tensor mask)
    {
        var labels = reference.GetProperty("labels").ToTensor(); // float64
        return reference.GetProperty("task").GetString() switch
        {
            "number" => (new SquaredError(), labels),
            "several_labels" => (new BinaryCrossEntropy(), labels),
            "tokens" => (new SoftmaxCrossEntropy(), labels.to(ScalarType.Int64)),
            // Every real token may begin or end an answer.
            _ => (new SpanCrossEntropy(), cat([labels.to(ScalarType.Int64), ones_like(mask.narrow(1, 0, 1)), mask.sum(1, keepdim: true)], 1)),
        };
    }

    /// <summary>The network of a task, float64, with the weights of its adapter.</summary>
    internal static TextNetwork Load(string name)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "Fixtures", "tasks", name);
        using var files = new MemoryCheckpointFiles(
            new Dictionary<string, byte[]>
            {
                [CheckpointFiles.ConfigName] = File.ReadAllBytes(Path.Combine(folder, "base", "config.json")),
                [CheckpointFiles.WeightsName] = File.ReadAllBytes(Path.Combine(folder, "base", "model.safetensors")),
                ["vocab.txt"] = System.Text.Encoding.UTF8.GetBytes(EncoderFixture.Vocabulary),
                ["tokenizer_config.json"] = """{ "tokenizer_class": "BertTokenizer" }"""u8.ToArray(),
            },
            $"the {name} fixture");
        var network = Create(files, Read(name));
        _ = network.to(ScalarType.Float64);
        using var adapter = new FolderCheckpointFiles(folder).OpenSafetensors("adapter_model.safetensors");
        Assert.IsEmpty(CheckpointLoader.Load(network.TrainableParameters, adapter, ["base_model.model."]).Unused);
        return network;
    }

    private static TextNetwork Create(CheckpointFiles files, JsonElement reference)
    {
        var lora = new LoraOptions { Rank = 4, Alpha = 8 };
        var (task, outputs) = (reference.GetProperty("task").GetString(), reference.GetProperty("outputs")[0][0]);
        if (task is "number" or "several_labels")
        {
            return new TextClassifier(TextCheckpoint.Load(files).Encoder, outputs.GetArrayLength(), lora, seed: 1);
        }

        var kind = task == "span" ? HeadKind.Spans : HeadKind.Tokens;
        var checkpoint = TextCheckpoint.Load(ClassifierConfig.OpenAsEncoder(files), null, encoder => ((TextEncoder)encoder).HeadOf(kind));
        return new TokenClassifier(checkpoint.Encoder, kind == HeadKind.Spans ? 2 : outputs[0].GetArrayLength(), kind, lora, seed: 1, checkpoint.HeadWeights);
    }
}
