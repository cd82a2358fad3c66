using System.Text.Json;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.T5;

/// <summary>LoRA and a soft prompt on the tiny checkpoint against PEFT.</summary>
[TestClass]
public sealed class T5AdapterTests
{
    private const string Lora = "adapters/t5-lora";
    private const string Prompt = "adapters/t5-prompt";

    [TestMethod]
    public void Capture_Lora_EqualsReference()
    {
        using var scope = NewDisposeScope();
        using var classifier = CreateLora();
        var reference = Fixture.Read($"{Lora}/reference.json");
        var labels = T5Fixture.Labels(reference);
        using var input = new TextToTextBatch(T5Fixture.Inputs(reference), T5Fixture.ShiftRight(labels), labels.select(1, 0));

        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => classifier.Forward(input));

        AssertEqual(reference, batch, [.. classifier.TrainableParameters.Select(
            named => named with { Name = "base_model.model." + named.Name.Replace(".weight", ".default.weight", StringComparison.Ordinal) })]);
    }

    [TestMethod]
    public void Names_Lora_EqualReference()
    {
        using var classifier = CreateLora();

        var trainable = classifier.TrainableParameters.ToDictionary(
            named => "base_model.model." + named.Name.Replace(".weight", ".default.weight", StringComparison.Ordinal),
            named => string.Join(",", named.Value.shape));

        var expected = Fixture.Read($"{Lora}/reference.json").GetProperty("trainable").EnumerateObject().ToDictionary(
            entry => entry.Name, entry => string.Join(",", entry.Value.EnumerateArray().Select(size => size.GetInt64())));
        CollectionAssert.AreEquivalent(expected, trainable);
        CollectionAssert.AreEquivalent(
            Fixture.Read($"{T5Fixture.Tied}/reference.json").GetProperty("gradient_norms").EnumerateObject().Select(entry => entry.Name).ToArray(),
            classifier.FrozenParameters.Select(named => named.Name).ToArray());
    }

    // With the table frozen nothing of the size N·V·D is ever formed: neither look-ups nor the tied head leave a record.
    [TestMethod]
    public void Capture_Lora_RecordsTheAdapterOnly()
    {
        using var scope = NewDisposeScope();
        using var classifier = CreateLora();
        using var batch = TextToTextFixture.Source(classifier).Ordered().Single();

        using var evaluation = BatchEvaluation.Run(new SoftmaxCrossEntropy(), batch.Labels, true, () => classifier.Forward(batch.Input));
        using var captured = evaluation.Capture(evaluation.LogitGradients);

        CollectionAssert.AreEquivalent(
            classifier.TrainableParameters.Select(named => named.Value.Handle).ToArray(), captured.Parameters.Select(parameter => parameter.Handle).ToArray());
        Assert.IsTrue(captured.Parameters.All(parameter => parameter.shape.Contains(4)));
    }

    // PEFT puts the prompt before the encoder's words only; of the rows in its file the second half is never read.
    [TestMethod]
    public void Capture_SoftPrompt_EqualsReference()
    {
        using var scope = NewDisposeScope();
        using var classifier = Create(Prompt);
        var reference = Fixture.Read($"{Prompt}/reference.json");
        var labels = T5Fixture.Labels(reference);
        using var input = new TextToTextBatch(T5Fixture.Inputs(reference), T5Fixture.ShiftRight(labels), labels.select(1, 0));

        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => classifier.Forward(input));

        var prompt = classifier.TrainableParameters.Single();
        CollectionAssert.AreEqual(new long[] { 8, 24 }, prompt.Value.shape);
        AssertEqual(reference, batch, [prompt with { Name = "prompt_encoder.default.embedding.weight" }]);
    }

    private static TextToTextClassifier CreateLora() => Create(Lora);

    // Through the files, as a user reads them.
    private static TextToTextClassifier Create(string adapter)
    {
        var read = ML.Checkpoints.LoadPeft(Path.Combine(AppContext.BaseDirectory, "Fixtures", adapter));
        var classifier = TextToTextFixture.Create(T5Fixture.Load(T5Fixture.Tied), read);
        _ = classifier.to(ScalarType.Float64);
        return classifier;
    }

    private static void AssertEqual(JsonElement reference, BatchEvaluation batch, NamedParameter[] parameters)
    {
        Fixture.AssertClose(reference.GetProperty("logits").ToTensor(), batch.Logits.detach(), 1e-9);
        Fixture.AssertClose(reference.GetProperty("loss_per_sample").ToTensor(), batch.Losses, 1e-9);
        Fixture.AssertClose(reference.GetProperty("s").ToTensor(), batch.SquaredNorms, 1e-9);
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        var gram = captured.Gram(); // [N, N]
        Fixture.AssertClose(reference.GetProperty("gram").ToTensor(), gram, 1e-9);

        var roots = batch.SquaredNorms.sqrt();
        var normalisedGram = gram.div(roots.unsqueeze(0)).div(roots.unsqueeze(1));
        using var normalised = batch.Capture(batch.LogitGradients.div(roots.view(-1, 1, 1)));
        Fixture.AssertClose(reference.GetProperty("normalised_gram").ToTensor(), normalisedGram, 1e-9);
        Fixture.AssertClose(normalisedGram, normalised.Gram(), 1e-9);

        var damping = reference.GetProperty("damping_relative").GetDouble();
        using var empirical = GramSolver.Solve(gram, ones(3, dtype: ScalarType.Float64), damping);
        using var improved = GramSolver.Solve(normalisedGram, roots, damping);
        Fixture.AssertClose(reference.GetProperty("weights_ef").ToTensor(), empirical.Weights, 1e-9);
        Fixture.AssertClose(reference.GetProperty("weights_ief_normalised").ToTensor(), improved.Weights, 1e-9);
        AssertNorms(reference.GetProperty("gradient_norms"), parameters, captured.Combine(ones(3)));
        AssertNorms(reference.GetProperty("ef_norms"), parameters, captured.Combine(empirical.Weights));
        AssertNorms(reference.GetProperty("ief_norms"), parameters, captured.Combine(improved.Weights.div(roots)));
    }

    private static void AssertNorms(JsonElement expected, NamedParameter[] parameters, ParameterVector values)
    {
        foreach (var (name, parameter) in parameters)
        {
            var norm = expected.GetProperty(name).GetDouble();
            Assert.AreEqual(norm, values[parameter].norm().item<double>(), 1e-9 * norm, name);
        }
    }
}
