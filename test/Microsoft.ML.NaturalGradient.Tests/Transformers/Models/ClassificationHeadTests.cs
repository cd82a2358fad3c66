using Microsoft.ML.NaturalGradient.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

[TestClass]
public sealed class ClassificationHeadTests
{
    private static readonly HeadLayout TwoOutputs = new() { Output = "cls_classifier", SecondOutput = "distillation_classifier" };

    [TestMethod]
    public void Forward_TwoOutputs_IsTheirMeanOverTheHalves()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var head = Create();
        var pooled = Fixture.Sine(1, 0.7, 0.1, 2, 10);
        var weights = head.Named.ToDictionary(named => named.Name, named => named.Value.detach());

        var logits = head.call(pooled);

        var first = pooled[.., ..5].mm(weights["cls_classifier.weight"].t());
        var second = pooled[.., 5..].mm(weights["distillation_classifier.weight"].t());
        Fixture.AssertClose(first.add(second).div(2), logits, 1e-12);
        Assert.IsFalse(weights["cls_classifier.weight"].allclose(weights["distillation_classifier.weight"]));
    }

    [TestMethod]
    public void RescaleOutputs_TwoOutputs_RescalesTheLogits()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var head = Create();
        var pooled = Fixture.Sine(1, 0.7, 0.1, 2, 10);
        var before = head.call(pooled);

        head.RescaleOutputs(3, -0.5);

        Fixture.AssertClose(before.mul(3).sub(0.5), head.call(pooled), 1e-12);
    }

    private static ClassificationHead Create()
    {
        using var generator = new Generator(3);
        var head = new ClassificationHead(TwoOutputs, 5, 4, generator);
        _ = head.to(ScalarType.Float64);
        return head;
    }
}
