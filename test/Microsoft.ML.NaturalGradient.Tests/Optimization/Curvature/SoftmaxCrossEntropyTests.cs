using Microsoft.ML.NaturalGradient.Curvature;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Curvature;

[TestClass]
public sealed class SoftmaxCrossEntropyTests
{
    [TestMethod]
    public void LogitGradients_IgnoredPositions_EqualReference()
    {
        using var scope = NewDisposeScope();
        var reference = Fixture.Read("spec/edge_cases.json").GetProperty("seq2seq");
        var logits = Fixture.Sine(1.5, 0.83, 0.2, 3, 3, 4);
        var labels = reference.GetProperty("labels").ToTensor().to(ScalarType.Int64);
        var objective = new SoftmaxCrossEntropy();

        var losses = objective.Losses(logits, labels);
        var norms = objective.LogitGradients(logits, labels).square().flatten(1).sum(1);

        Fixture.AssertClose(reference.GetProperty("per_sample_sum_loss").ToTensor(), losses);
        Fixture.AssertClose(reference.GetProperty("s_sum").ToTensor(), norms);
    }

    [TestMethod]
    public void LogitGradients_ConfidentSample_DoNotCancel()
    {
        using var scope = NewDisposeScope();
        var row = Fixture.Read("spec/edge_cases.json").GetProperty("stable_ce_grad_fp32")[3];
        var gap = row.GetProperty("logit_gap").GetDouble();
        var logits = tensor(new[] { gap, 0.0 }, 1, 2);

        var gradients = new SoftmaxCrossEntropy().LogitGradients(logits, tensor(new[] { 0L }));

        var expected = -Math.Exp(-gap) / (1 + Math.Exp(-gap));
        Assert.AreEqual(expected, gradients[0, 0].item<double>(), Math.Abs(expected) * 1e-12);
    }

    [TestMethod]
    public void SampleLabels_ManyDraws_FollowTheDistribution()
    {
        using var scope = NewDisposeScope();
        var probabilities = tensor(new[] { 0.1, 0.6, 0.3 });
        var logits = probabilities.log().unsqueeze(0).expand(20000, 3);
        using var generator = new Generator(7, CPU);

        var drawn = new SoftmaxCrossEntropy().SampleLabels(logits, zeros(20000, ScalarType.Int64), generator);

        var frequencies = drawn.bincount(null, 3).to(ScalarType.Float64).div(20000);
        Fixture.AssertClose(probabilities, frequencies, absolute: 0.015); // four standard deviations
    }
}
