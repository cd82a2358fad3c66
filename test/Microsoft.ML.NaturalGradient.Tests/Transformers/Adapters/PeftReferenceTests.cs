using System.Text.Json;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

/// <summary>Adapters read from their files give the numbers of the adapter library, in float64.</summary>
[TestClass]
public sealed class PeftReferenceTests
{
    public static IEnumerable<object[]> Names { get; } =
        [["bert-lora"], ["bert-lora-wide"], ["bert-lora-bias-all"], ["bert-lora-pattern"], ["bert-dora"], ["bert-prompt"]];

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Capture_LogitsLossesAndGramEqualReference(string name)
    {
        using var scope = NewDisposeScope();
        using var run = Run(name, out var reference);

        Fixture.AssertClose(reference.GetProperty("logits").ToTensor(), run.Batch.Logits.detach(), 1e-9);
        Fixture.AssertClose(reference.GetProperty("loss_per_sample").ToTensor(), run.Batch.Losses, 1e-9);
        Fixture.AssertClose(reference.GetProperty("s").ToTensor(), run.Batch.SquaredNorms, 1e-9);
        using var captured = run.Batch.Capture(run.Batch.LogitGradients, keepGraph: true);
        Fixture.AssertClose(reference.GetProperty("gram").ToTensor(), captured.Gram(), 1e-9);
        using var normalised = run.Batch.Capture(run.NormalisedSeeds());
        Fixture.AssertClose(reference.GetProperty("normalised_gram").ToTensor(), normalised.Gram(), 1e-9);
        AssertNorms("gradient_norms", name, run, reference, captured.Combine(ones(3)));
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Solve_WeightsAndUpdateNormsEqualReference(string name)
    {
        using var scope = NewDisposeScope();
        using var run = Run(name, out var reference);
        var damping = reference.GetProperty("damping_relative").GetDouble();
        using var captured = run.Batch.Capture(run.Batch.LogitGradients, keepGraph: true);
        using var normalised = run.Batch.Capture(run.NormalisedSeeds());

        using var empirical = GramSolver.Solve(captured.Gram(), ones(3, dtype: ScalarType.Float64), damping);
        using var improved = GramSolver.Solve(normalised.Gram(), run.Batch.SquaredNorms.sqrt(), damping);

        Fixture.AssertClose(reference.GetProperty("weights_ef").ToTensor(), empirical.Weights, 1e-9);
        Fixture.AssertClose(reference.GetProperty("weights_ief_normalised").ToTensor(), improved.Weights, 1e-9);
        AssertNorms("ef_norms", name, run, reference, captured.Combine(empirical.Weights));
        AssertNorms("ief_norms", name, run, reference, normalised.Combine(improved.Weights));
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Dot_EqualsRowsTimesDirection(string name)
    {
        using var scope = NewDisposeScope();
        using var run = Run(name, out _);
        using var captured = run.Batch.Capture(run.Batch.LogitGradients);
        var parameters = captured.Parameters.ToArray();
        var direction = parameters.Select((parameter, i) => Fixture.Sine(1, 0.7, i, parameter.shape)).ToArray();

        var dot = captured.Dot(new ParameterVector(parameters, direction));

        var rows = captured.Rows();
        Fixture.AssertClose(rows.mv(cat([.. direction.Select(part => part.flatten())])), dot, 1e-10);
        Fixture.AssertClose(rows.mm(rows.t()), captured.Gram(), 1e-10);
    }

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void TrainableParameters_NamesAndShapesEqualReference(string name)
    {
        var adapter = PublicCheckpoints.LoadPeft(PeftFixture.Folder(name));
        using var classifier = PeftFixture.Create(adapter);

        var trainable = PeftFixture.ReferenceNames(classifier, adapter).ToDictionary(named => named.Name, named => string.Join(",", named.Value.shape));

        var expected = PeftFixture.Reference(name).GetProperty("trainable").EnumerateObject().ToDictionary(
            entry => entry.Name, entry => string.Join(",", entry.Value.EnumerateArray().Select(size => size.GetInt64())));
        CollectionAssert.AreEquivalent(expected, trainable);
    }

    private static AdaptedRun Run(string name, out JsonElement reference)
    {
        reference = PeftFixture.Reference(name);
        var inputs = BertFixture.Inputs(reference.GetProperty("inputs"));
        return new AdaptedRun(PeftFixture.Create(name), inputs, reference.GetProperty("labels").ToTensor().to(ScalarType.Int64));
    }

    private static void AssertNorms(string table, string name, AdaptedRun run, JsonElement reference, ParameterVector values)
    {
        var norms = reference.GetProperty(table);
        var adapter = PublicCheckpoints.LoadPeft(PeftFixture.Folder(name));
        foreach (var (parameter, value) in PeftFixture.ReferenceNames(run.Classifier, adapter))
        {
            var expected = norms.GetProperty(parameter).GetDouble();
            // A key's bias shifts all scores of a row alike, so its gradient is nothing but rounding.
            Assert.AreEqual(expected, values[(Parameter)value].norm().item<double>(), (1e-9 * expected) + 1e-12, parameter);
        }
    }
}
