using System.Text.Json;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

/// <summary>Reference adapters on architectures whose head has two layers, both trained.</summary>
[TestClass]
public sealed class EncoderAdapterTests
{
    [TestMethod]
    [DataRow("roberta")]
    [DataRow("distilbert")]
    [DataRow("mpnet")]
    public void Capture_ReferenceAdapter_ResultsEqualReference(string encoder)
    {
        using var scope = NewDisposeScope();
        var reference = Read(encoder);
        using var classifier = AdapterFixture.CreateClassifier(encoder, $"adapters/{encoder}-lora");
        var fixture = new EncoderFixture(encoder);
        using var inputs = EncoderFixture.Inputs(reference.GetProperty("inputs"));
        using var batch = fixture.Evaluate(classifier, inputs);
        var damping = reference.GetProperty("damping_relative").GetDouble();
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        using var normalised = batch.Capture(batch.LogitGradients.div(batch.SquaredNorms.sqrt().unsqueeze(1)));
        using var empirical = GramSolver.Solve(captured.Gram(), ones(3, dtype: ScalarType.Float64), damping);
        using var improved = GramSolver.Solve(normalised.Gram(), batch.SquaredNorms.sqrt(), damping);

        AssertClose("logits", batch.Logits.detach());
        AssertClose("loss_per_sample", batch.Losses);
        AssertClose("s", batch.SquaredNorms);
        AssertClose("gram", captured.Gram());
        AssertClose("normalised_gram", normalised.Gram());
        AssertClose("weights_ef", empirical.Weights);
        AssertClose("weights_ief_normalised", improved.Weights);
        AssertNorms("gradient_norms", captured.Combine(ones(3)));
        AssertNorms("ef_norms", captured.Combine(empirical.Weights));
        AssertNorms("ief_norms", normalised.Combine(improved.Weights));

        void AssertClose(string name, Tensor actual) => Fixture.AssertClose(reference.GetProperty(name).ToTensor(), actual, 1e-9);

        void AssertNorms(string table, ParameterVector values)
        {
            var norms = reference.GetProperty(table);
            foreach (var (name, parameter) in classifier.TrainableParameters)
            {
                var expected = norms.GetProperty(AdapterFixture.ReferenceName(name)).GetDouble();
                Assert.AreEqual(expected, values[parameter].norm().item<double>(), 1e-9 * expected, name);
            }
        }
    }

    [TestMethod]
    [DataRow("roberta")]
    [DataRow("distilbert")]
    [DataRow("mpnet")]
    public void TrainableParameters_ReferenceAdapter_AreThoseOfTheReference(string encoder)
    {
        using var classifier = AdapterFixture.CreateClassifier(encoder, $"adapters/{encoder}-lora");

        var trainable = classifier.TrainableParameters.ToDictionary(
            named => AdapterFixture.ReferenceName(named.Name), named => string.Join(",", named.Value.shape));

        var expected = Read(encoder).GetProperty("trainable").EnumerateObject().ToDictionary(
            entry => entry.Name, entry => string.Join(",", entry.Value.EnumerateArray().Select(size => size.GetInt64())));
        CollectionAssert.AreEquivalent(expected, trainable);
    }

    private static JsonElement Read(string encoder) => Fixture.Read($"adapters/{encoder}-lora/reference.json");
}
