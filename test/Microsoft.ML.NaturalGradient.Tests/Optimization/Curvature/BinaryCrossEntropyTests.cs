using Microsoft.ML.NaturalGradient.Curvature;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Curvature;

[TestClass]
public sealed class BinaryCrossEntropyTests
{
    private readonly BinaryCrossEntropy _objective = new();

    private static Tensor Labels => tensor(new[,] { { 1.0, 0, 1 }, { 0, 0, 0 }, { 1, 1, 1 }, { 0, 1, 0 } });

    [TestMethod]
    public void Losses_AreTheSumsOfTheirDefinition()
    {
        using var scope = NewDisposeScope();
        var logits = Fixture.Sine(2, 0.9, 0.3, 4, 3);

        var probabilities = logits.neg().exp().add(1).reciprocal();
        var expected = Labels.mul(probabilities.log()).add(Labels.neg().add(1).mul(probabilities.neg().add(1).log())).sum(1).neg();

        Fixture.AssertClose(expected, _objective.Losses(logits, Labels), 1e-12);
    }

    [TestMethod]
    public void LogitGradients_EqualDifferenceQuotients()
    {
        const double Step = 1e-6;
        using var scope = NewDisposeScope();
        var logits = Fixture.Sine(2, 0.9, 0.3, 4, 3);

        var gradients = _objective.LogitGradients(logits, Labels);

        for (var output = 0; output < 3; output++)
        {
            var step = zeros_like(logits);
            step.select(1, output).fill_(Step);
            var quotients = _objective.Losses(logits.add(step), Labels).sub(_objective.Losses(logits.sub(step), Labels)).div(2 * Step);
            Fixture.AssertClose(quotients, gradients.select(1, output), 1e-7, 1e-9);
        }
    }

    [TestMethod]
    public void LogitGradients_ConfidentAndRight_DoNotCancel()
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new[,] { { 60.0, -60 } });

        var gradients = _objective.LogitGradients(logits, tensor(new[,] { { 1.0, 0 } }));

        Fixture.AssertClose(tensor(new[,] { { -Math.Exp(-60), Math.Exp(-60) } }), gradients, 1e-12, 0);
        Assert.AreEqual(2 * Math.Exp(-60), _objective.Losses(logits, tensor(new[,] { { 1.0, 0 } })).item<double>(), 1e-38);
    }

    [TestMethod]
    public void TimesHessian_EqualsDifferencesOfTheGradient()
    {
        const double Step = 1e-5;
        using var scope = NewDisposeScope();
        var (logits, tangents) = (Fixture.Sine(1.5, 0.83, 0.2, 4, 3), Fixture.Sine(1, 1.3, 0.7, 4, 3));

        var ahead = _objective.LogitGradients(logits.add(tangents.mul(Step)), Labels);
        var behind = _objective.LogitGradients(logits.sub(tangents.mul(Step)), Labels);

        Fixture.AssertClose(ahead.sub(behind).div(2 * Step), _objective.TimesHessian(logits, Labels, tangents), 1e-8, 1e-9);
    }

    [TestMethod]
    public void SampleLabels_ManyDraws_HaveTheProbabilities()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);
        var logits = tensor(new[] { -1.0, 0, 2 }).expand(20000, 3);

        var drawn = _objective.SampleLabels(logits, zeros_like(logits), generator);

        Fixture.AssertClose(tensor(new[] { -1.0, 0, 2 }).sigmoid(), drawn.mean([0]), 0, 0.015); // four standard deviations
        Assert.IsTrue(drawn.eq(0).logical_or(drawn.eq(1)).all().item<bool>());
    }

    [TestMethod]
    public void FindCorrect_NamesRowsThatAreRightEverywhere()
    {
        using var scope = NewDisposeScope();

        Assert.AreEqual(2, _objective.FindCorrect(tensor(new[,] { { 1.0, -1, 2 }, { -1, -1, 1 }, { 3, 1, 1 }, { 1, 1, -1 } }), Labels)!.sum().item<long>());
    }
}
