using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class AdamQlrTests
{
    [TestMethod]
    [DataRow("AdamQLR_untuned_noclip", null)]
    [DataRow("AdamQLR_untuned_clip0.1", 0.1)]
    public void Step_ToyNetwork_FollowsTheReference(string name, double? largestStep)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var reference = Fixture.Read("spec/adamqlr_spring.json").GetProperty(name);
        using var optimizer = new AdamQlr(network.Parameters, Optimizers.AdamQlr with { LargestStep = largestStep });

        foreach (var step in reference.EnumerateArray())
        {
            using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, false, network.Forward);
            Assert.AreEqual(step.GetProperty("loss").GetDouble(), batch.Losses.mean().item<double>(), 1e-6);
            Assert.AreEqual(step.GetProperty("damping_used").GetDouble(), optimizer.Damping, 1e-12);

            var diagnostics = optimizer.Step(batch, 1);

            Assert.AreEqual(-step.GetProperty("alpha").GetDouble(), diagnostics.LearningRate!.Value, 1e-6);
            Fixture.AssertClose(step.GetProperty("theta").ToTensor(), network.Flat(), 1e-6, 1e-6); // products by differences
        }
    }

    [TestMethod]
    public void Step_GradientOfZero_ChangesNothing()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = new AdamQlr(network.Parameters, Optimizers.AdamQlr);
        var labels = full_like(network.Labels, -100);
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, false, network.Forward);
        var before = network.Flat().clone();

        optimizer.Step(batch, 1);

        Fixture.AssertClose(before, network.Flat(), 0, 0);
    }

    [TestMethod]
    public void Step_GradientOfZeroAfterOthers_KeepsTheDamping()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = new AdamQlr(network.Parameters, Optimizers.AdamQlr);
        using (var first = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, false, network.Forward))
        {
            optimizer.Step(first, 1);
        }

        var (damping, before) = (optimizer.Damping, network.Flat().clone());
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), full_like(network.Labels, -100), false, network.Forward);

        optimizer.Step(batch, 1); // the mean of the gradients is not zero, but nothing is gained along it

        Assert.AreEqual(damping, optimizer.Damping);
        Fixture.AssertClose(before, network.Flat(), 0, 0);
    }
}
