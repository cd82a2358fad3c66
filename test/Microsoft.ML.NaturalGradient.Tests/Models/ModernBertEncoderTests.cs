using System.Text.Json;
using Microsoft.ML.NaturalGradient.Curvature;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>ModernBERT where its reference has numbers: it computes the softmax in float32, in which padded rows are lost.</summary>
[TestClass]
public sealed class ModernBertEncoderTests
{
    private const double Tolerance = 1e-6; // angles and softmax of the reference are float32

    [TestMethod]
    public void HiddenStates_ReferenceCheckpoint_EqualReferenceWhereItIsFinite()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("modernbert");
        using var classifier = fixture.CreateClassifier();
        using var inputs = fixture.Inputs();

        var states = stack([.. classifier.Encoder.HiddenStates(inputs)]); // [L + 1, N, T, D]

        var expected = fixture.Reference.GetProperty("hidden_states").ToTensor();
        var isFinite = expected.isfinite().logical_and(inputs.Mask.unsqueeze(-1).eq(1)); // what stands at padding has no meaning
        Assert.IsTrue(isFinite.select(1, 0).all().item<bool>(), "the row without padding");
        Assert.IsTrue(isFinite[..3].eq(inputs.Mask.unsqueeze(-1).eq(1)).all().item<bool>(), "the embeddings, the global and the first local layer");
        for (var layer = 0; layer < expected.shape[0]; layer++)
        {
            var (reference, ours) = (expected[layer].masked_select(isFinite[layer]), states[layer].masked_select(isFinite[layer]));
            Assert.AreEqual(0, ours.sub(reference).norm().item<double>() / reference.norm().item<double>(), Tolerance, $"layer {layer}");
        }

        Assert.IsTrue(states.isfinite().all().item<bool>());
    }

    [TestMethod]
    public void Forward_ReferenceCheckpoint_EqualsReference()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("modernbert");
        using var classifier = fixture.CreateClassifier();
        using var inputs = fixture.Inputs();

        var logits = classifier.Forward(inputs);

        Fixture.AssertClose(fixture.Reference.GetProperty("logits")[0].ToTensor(), logits[0], Tolerance, Tolerance / 10);
        var losses = new SoftmaxCrossEntropy().Losses(logits, fixture.Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64));
        Assert.AreEqual(fixture.Reference.GetProperty("loss_per_sample")[0].GetDouble(), losses[0].item<double>(), Tolerance);
        // The padded rows only in the reference's float32 run.
        Fixture.AssertClose(fixture.Reference.GetProperty("logits_float32").ToTensor(), logits, 0, 5e-6);
    }

    [TestMethod]
    public void Capture_AllParametersTrainable_EqualsFiniteDifferences()
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture("modernbert");
        using var classifier = fixture.CreateTrainableClassifier();
        using var inputs = fixture.Inputs();
        using var batch = fixture.Evaluate(classifier, inputs);
        using var captured = batch.Capture(batch.LogitGradients);
        var sums = captured.Combine(ones(inputs.SampleCount, dtype: ScalarType.Float64));
        using var noGrad = no_grad();
        using var generator = new Generator(7);

        // The reference has no gradients. Its loss is that of the test above, so the slope of the loss stands for them.
        foreach (var (name, value) in classifier.TrainableParameters)
        {
            const double step = 1e-5;
            using var parameterScope = NewDisposeScope();
            var direction = empty(value.shape, dtype: ScalarType.Float64).normal_(0, 1, generator);
            var slope = (SummedLoss(step) - SummedLoss(-step)) / (2 * step);

            var expected = sums[value.Handle].mul(direction).sum().item<double>();
            Assert.AreEqual(expected, slope, (1e-6 * Math.Abs(expected)) + 1e-7, name);

            double SummedLoss(double distance)
            {
                using var before = value.clone();
                value.add_(direction.mul(distance));
                using var moved = fixture.Evaluate(classifier, inputs);
                value.copy_(before);
                return moved.Losses.sum().item<double>();
            }
        }
    }

    [TestMethod]
    public void Forward_ConfigurationOfNewerFiles_EqualsThatOfOlder()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("modernbert");
        using var inputs = fixture.Inputs();
        using var older = fixture.CreateClassifier();
        using var newer = fixture.CreateClassifier(changes:
        [
            ("global_attn_every_n_layers", null),
            ("global_rope_theta", null),
            ("local_rope_theta", null),
            ("layer_types", new[] { "full_attention", "sliding_attention", "sliding_attention", "full_attention" }),
            ("rope_parameters", JsonSerializer.Deserialize<JsonElement>("""
                { "full_attention": { "rope_type": "default", "rope_theta": 160000.0 }, "sliding_attention": { "rope_type": "default", "rope_theta": 10000.0 } }
                """)),
        ]);

        Fixture.AssertClose(older.Forward(inputs), newer.Forward(inputs), 0, 0);
    }

    [TestMethod]
    public void Forward_FirstTokenHead_ReadsTheFirstToken()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("modernbert");
        using var inputs = fixture.Inputs();
        using var classifier = fixture.CreateClassifier(changes: ("classifier_pooling", "cls"));

        Fixture.AssertClose(classifier.Encoder.Encode(inputs).select(1, 0), classifier.Encoder.Pool(inputs), 0, 0);
    }
}
