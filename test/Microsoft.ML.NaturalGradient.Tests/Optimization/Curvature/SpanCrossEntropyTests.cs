using Microsoft.ML.NaturalGradient.Curvature;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Curvature;

[TestClass]
public sealed class SpanCrossEntropyTests
{
    private readonly SpanCrossEntropy _objective = new();

    // Of seven tokens: a text of tokens 3 to 6 with the answer at 3 and 4; one of 2 to 4 without it; one of one token.
    private static Tensor Labels => tensor(new long[,] { { 3, 4, 3, 7 }, { 0, 0, 2, 5 }, { 1, 1, 1, 2 } });

    [TestMethod]
    public void Losses_AreThoseOfTheTokensThatMayBeChosen()
    {
        using var scope = NewDisposeScope();
        var logits = Fixture.Sine(2, 0.9, 0.3, 3, 2, 7);
        int[][] possible = [[0, 3, 4, 5, 6], [0, 2, 3, 4], [0, 1]];
        (int Begin, int End)[] right = [(3, 4), (0, 0), (1, 1)];

        var expected = Enumerable.Range(0, 3).Select(n => Loss(n, 0, right[n].Begin) + Loss(n, 1, right[n].End)).ToArray();

        Fixture.AssertClose(tensor(expected), _objective.Losses(logits, Labels), 1e-12);

        double Loss(int n, int end, int token) =>
            Math.Log(possible[n].Sum(t => Math.Exp(logits[n, end, t].item<double>()))) - logits[n, end, token].item<double>();
    }

    [TestMethod]
    public void LogitGradients_EqualDifferenceQuotients_AndAreZeroElsewhere()
    {
        const double Step = 1e-6;
        using var scope = NewDisposeScope();
        var logits = Fixture.Sine(2, 0.9, 0.3, 3, 2, 7);

        var gradients = _objective.LogitGradients(logits, Labels);

        for (var output = 0; output < 14; output++)
        {
            var step = zeros_like(logits);
            step[TensorIndex.Colon, output / 7, output % 7] = tensor(Step);
            var quotients = _objective.Losses(logits.add(step), Labels).sub(_objective.Losses(logits.sub(step), Labels)).div(2 * Step);
            Fixture.AssertClose(quotients, gradients[TensorIndex.Colon, output / 7, output % 7], 1e-7, 1e-9);
        }

        Assert.AreEqual(0, gradients[0, 0, 1].item<double>());
        Assert.AreEqual(0, gradients[1, 1, 5].item<double>());
    }

    [TestMethod]
    public void SampleLabels_ManyDraws_StayInTheText()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);
        var logits = zeros([5000, 2, 7], ScalarType.Float64);
        var labels = tensor(new long[] { 3, 4, 3, 7 }).expand(5000, 4);

        var drawn = _objective.SampleLabels(logits, labels, generator);

        Assert.IsTrue(drawn.narrow(1, 2, 2).eq(labels.narrow(1, 2, 2)).all().item<bool>());
        foreach (var token in new[] { 0, 3, 4, 5, 6 })
        {
            Assert.AreEqual(0.2, drawn.narrow(1, 0, 2).eq(token).to(ScalarType.Float64).mean().item<double>(), 0.02);
        }
    }

    [TestMethod]
    public void FindCorrect_IgnoresTokensOutside()
    {
        using var scope = NewDisposeScope();
        var logits = zeros([3, 2, 7], ScalarType.Float64);
        logits[0, 0, 1] = tensor(9.0); // not in the text
        logits[0, 0, 3] = tensor(1.0);
        logits[0, 1, 4] = tensor(1.0);
        logits[1, 0, 2] = tensor(1.0);
        logits[2, TensorIndex.Colon, 1] = tensor(1.0);

        Assert.AreEqual(2, _objective.FindCorrect(logits, Labels)!.sum().item<long>());
    }
}
