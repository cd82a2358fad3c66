using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>Every architecture against the reference implementation, in float64 and from its files.</summary>
[TestClass]
public sealed class TextEncoderTests
{
    public static IEnumerable<object[]> AllOrAdapter => EncoderFixture.OfTexts.SelectMany(row => new[] { true, false }.Select(all => new[] { row[0], all }));

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void HiddenStates_ReferenceCheckpoint_EqualReference(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var inputs = fixture.Inputs();

        var states = classifier.Encoder.HiddenStates(inputs);

        var isRead = inputs.Mask.eq(1).unsqueeze(-1); // what stands at padding has no meaning
        Fixture.AssertClose(fixture.Reference.GetProperty("hidden_states").ToTensor().mul(isRead), stack([.. states]).mul(isRead), 1e-9);
        Fixture.AssertClose(fixture.Reference.GetProperty("logits").ToTensor(), classifier.Forward(inputs), 1e-9);
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Forward_InFloat32_EqualsReferenceInFloat32(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture(name);
        using var classifier = fixture.CreateClassifier();
        _ = classifier.to(ScalarType.Float32);
        using var inputs = fixture.Inputs();

        var logits = classifier.Forward(inputs);

        Assert.AreEqual(ScalarType.Float32, logits.dtype);
        Fixture.AssertClose(fixture.Reference.GetProperty("logits_float32").ToTensor(), logits.to(ScalarType.Float64), 0, 5e-6);
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Capture_AllParametersTrainable_LossesAndGradientNormsEqualReference(string name)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture(name);
        using var classifier = fixture.CreateTrainableClassifier();
        using var inputs = fixture.Inputs();
        using var batch = fixture.Evaluate(classifier, inputs);

        using var captured = batch.Capture(batch.LogitGradients);

        Fixture.AssertClose(fixture.Reference.GetProperty("loss_per_sample").ToTensor(), batch.Losses, 1e-9);
        var sums = captured.Combine(ones(inputs.SampleCount, dtype: ScalarType.Float64));
        var named = classifier.TrainableParameters.Where(named => !named.Name.Contains("lora_", StringComparison.Ordinal)).ToArray();
        var norms = fixture.Reference.GetProperty("gradient_norms").EnumerateObject().ToDictionary(norm => norm.Name, norm => norm.Value.GetDouble());
        CollectionAssert.AreEquivalent(norms.Keys, named.Select(parameter => parameter.Name).ToArray());
        foreach (var (parameter, value) in named)
        {
            // A key's bias has no influence, so that its gradient is rounding.
            Assert.AreEqual(norms[parameter], sums[value].norm().item<double>(), (1e-9 * norms[parameter]) + 1e-10, parameter);
        }
    }

    [TestMethod]
    [DynamicData(nameof(AllOrAdapter))]
    public void Gram_AllOrAdapter_EqualsOneSampleAtATime(string name, bool all)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture(name);
        using var classifier = all ? fixture.CreateTrainableClassifier() : fixture.CreateClassifier();
        EncoderFixture.Perturb(classifier);
        using var inputs = fixture.Inputs();
        using var batch = fixture.Evaluate(classifier, inputs);
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        var parameters = captured.Parameters.ToArray();

        var rows = PerSampleOracle.Rows(n => classifier.Forward(Row(inputs, n)), batch.LogitGradients, parameters); // [N, P]

        CollectionAssert.AreEquivalent(
            classifier.TrainableParameters.Select(named => named.Value.Handle).ToArray(), parameters.Select(parameter => parameter.Handle).ToArray());
        Fixture.AssertClose(rows, captured.Rows(), 1e-9, 1e-12);
        Fixture.AssertClose(rows.mm(rows.t()), captured.Gram(), 1e-10, 1e-12);
        Fixture.AssertClose(
            batch.MeanGradient(parameters).Aggregate(zeros(0, dtype: ScalarType.Float64), (all, gradient) => cat([all, gradient.flatten()])),
            rows.mean([0L]),
            1e-9,
            1e-12);
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Pool_Batch_LeavesNothingButItsResult(string name)
    {
        using var noGrad = no_grad();
        var fixture = new EncoderFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var inputs = fixture.Inputs();
        var before = LiveTensors.Settled();

        using (NewDisposeScope())
        {
            _ = classifier.Encoder.Pool(inputs);
        }

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Forward_PaddedBatch_EqualsOneRowAtATime(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var inputs = fixture.Inputs();
        var together = classifier.Forward(inputs);

        for (var n = 0; n < inputs.SampleCount; n++)
        {
            using var single = Row(inputs, n);

            Fixture.AssertClose(together[n..(n + 1)], classifier.Forward(single), 1e-10);
        }
    }

    private static TokenBatch Row(TokenBatch inputs, long n)
    {
        var (row, length) = ((int)n, (int)inputs.Mask[n].sum().item<long>());
        return new TokenBatch(
            inputs.Ids[row..(row + 1), ..length], inputs.Mask[row..(row + 1), ..length], inputs.TypeIds[row..(row + 1), ..length], isPadded: false);
    }
}
