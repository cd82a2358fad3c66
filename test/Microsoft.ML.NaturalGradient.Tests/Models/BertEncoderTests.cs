using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Optimization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

[TestClass]
public sealed class BertEncoderTests
{
    [TestMethod]
    public void HiddenStates_ReferenceCheckpoint_EqualReference()
    {
        using var classifier = BertFixture.CreateClassifier();
        using var scope = NewDisposeScope();
        var reference = Fixture.Read($"{BertFixture.Encoder}/reference.json");
        using var inputs = BertFixture.Inputs(reference.GetProperty("inputs"));

        using var noGrad = no_grad();
        var states = classifier.Encoder.HiddenStates(inputs);

        Fixture.AssertClose(reference.GetProperty("hidden_states").ToTensor(), stack([.. states]), 1e-9, 1e-10);
        Fixture.AssertClose(reference.GetProperty("logits").ToTensor(), classifier.Forward(inputs), 1e-9, 1e-10);
    }

    [TestMethod]
    public void Capture_AllParametersTrainable_LossesAndGradientNormsEqualReference()
    {
        using var classifier = BertFixture.CreateClassifier();
        using var scope = NewDisposeScope();
        var reference = Fixture.Read($"{BertFixture.Encoder}/reference.json");
        using var inputs = BertFixture.Inputs(reference.GetProperty("inputs"));
        var labels = reference.GetProperty("labels").ToTensor().to(ScalarType.Int64);
        foreach (var parameter in classifier.parameters())
        {
            parameter.requires_grad = true;
        }

        using var batch = Evaluate(classifier, inputs, labels);
        using var captured = batch.Capture(batch.LogitGradients);
        var sums = captured.Combine(ones(3, dtype: ScalarType.Float64));

        Fixture.AssertClose(reference.GetProperty("loss_per_sample").ToTensor(), batch.Losses, 1e-9);
        var named = classifier.TrainableParameters.Where(named => !named.Name.Contains("lora_", StringComparison.Ordinal)).ToArray();
        var norms = reference.GetProperty("gradient_norms");
        Assert.AreEqual(norms.EnumerateObject().Count(), named.Length);
        foreach (var (name, value) in named)
        {
            var expected = norms.GetProperty(name).GetDouble();
            Assert.AreEqual(expected, sums[value.Handle].norm().item<double>(), (1e-9 * expected) + 1e-10, name);
        }
    }

    [TestMethod]
    public void Forward_PaddedBatch_EqualsOneRowAtATime()
    {
        using var classifier = BertFixture.CreateClassifier();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var reference = Fixture.Read($"{BertFixture.Encoder}/reference.json");
        using var inputs = BertFixture.Inputs(reference.GetProperty("inputs"));
        var together = classifier.Forward(inputs);

        for (var n = 0; n < inputs.SampleCount; n++)
        {
            var length = inputs.Mask[n].sum().item<long>();
            using var single = new TokenBatch(
                inputs.Ids[n..(n + 1), ..(int)length], inputs.Mask[n..(n + 1), ..(int)length], inputs.TypeIds[n..(n + 1), ..(int)length], isPadded: false);

            Fixture.AssertClose(together[n..(n + 1)], classifier.Forward(single), 1e-10);
        }
    }

    private static BatchEvaluation Evaluate(TextClassifier classifier, TokenBatch inputs, Tensor labels) =>
        BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => classifier.Forward(inputs));
}
