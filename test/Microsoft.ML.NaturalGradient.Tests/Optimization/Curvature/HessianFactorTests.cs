using Microsoft.ML.NaturalGradient.Curvature;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Curvature;

[TestClass]
public sealed class HessianFactorTests
{
    [TestMethod]
    public void FactorHessian_Softmax_GivesTheHessianAndTheGradient()
    {
        using var scope = NewDisposeScope();
        var logits = Fixture.Sine(2, 0.83, 0.2, 4, 3);
        AssertFactor(new SoftmaxCrossEntropy(), logits, tensor(new long[] { 0, 2, 1, 1 }));
    }

    [TestMethod]
    public void FactorHessian_SequencesWithIgnoredLabels_GivesTheHessianAndTheGradient()
    {
        using var scope = NewDisposeScope();
        var logits = Fixture.Sine(1.5, 0.83, 0.2, 2, 3, 4);
        AssertFactor(new SoftmaxCrossEntropy(), logits, tensor(new long[,] { { 1, 0, -100 }, { 2, -100, -100 } }));
    }

    [TestMethod]
    public void FactorHessian_SquaredError_GivesTheHessianAndTheGradient()
    {
        using var scope = NewDisposeScope();
        AssertFactor(new SquaredError(), Fixture.Sine(1, 0.5, 0.1, 3, 1), Fixture.Sine(1, 0.9, 0.4, 3));
    }

    [TestMethod]
    public void FactorHessian_BinaryDecisions_GivesTheHessianAndTheGradient()
    {
        using var scope = NewDisposeScope();
        AssertFactor(new BinaryCrossEntropy(), Fixture.Sine(1.5, 0.5, 0.1, 3, 4), tensor(new[,] { { 1.0, 0, 0, 1 }, { 0, 0, 0, 0 }, { 1, 1, 1, 1 } }));
    }

    [TestMethod]
    public void FactorHessian_Spans_GivesTheHessianAndTheGradient()
    {
        using var scope = NewDisposeScope();
        AssertFactor(new SpanCrossEntropy(), Fixture.Sine(1.5, 0.5, 0.1, 3, 2, 6), tensor(new long[,] { { 2, 3, 2, 6 }, { 0, 0, 1, 4 }, { 1, 1, 1, 2 } }));
    }

    [TestMethod]
    [DataRow(30.0)]
    [DataRow(80.0)]
    public void FactorHessian_LabelOfTinyProbability_GivesTheHessianAndTheGradient(double unlikely)
    {
        using var scope = NewDisposeScope();
        AssertFactor(new SoftmaxCrossEntropy(), tensor(new[,] { { -unlikely, 0, 1 } }), tensor(new long[] { 0 }));
        AssertFactor(new BinaryCrossEntropy(), tensor(new[,] { { -unlikely, 1 } }), tensor(new[,] { { 1.0, 0 } }));
    }

    [TestMethod]
    public void FactorHessian_ClassLearnedToTheLastDigit_IsFinite()
    {
        using var scope = NewDisposeScope();
        using var factor = new SoftmaxCrossEntropy().FactorHessian(tensor(new[,] { { 0.0, 900.0 } }), tensor(new long[] { 0 }));

        Assert.IsTrue(factor.Coefficients.isfinite().all().item<bool>() && factor.Columns.isfinite().all().item<bool>());
    }

    [TestMethod]
    public void TimesHessian_Softmax_EqualsDifferencesOfTheGradient()
    {
        using var scope = NewDisposeScope();
        var objective = new SoftmaxCrossEntropy();
        var logits = Fixture.Sine(1.5, 0.83, 0.2, 2, 3, 4);
        var labels = tensor(new long[,] { { 1, 0, -100 }, { 2, -100, -100 } });
        var tangents = Fixture.Sine(1, 1.3, 0.7, 2, 3, 4);
        const double step = 1e-5;

        var ahead = objective.LogitGradients(logits.add(tangents.mul(step)), labels);
        var behind = objective.LogitGradients(logits.sub(tangents.mul(step)), labels);

        Fixture.AssertClose(ahead.sub(behind).div(2 * step), objective.TimesHessian(logits, labels, tangents), 1e-8, 1e-9);
    }

    // S Sᵀ u = H u for a u with all parts, and S c = ∂ℓ/∂z.
    private static void AssertFactor(IObjective objective, Tensor logits, Tensor labels)
    {
        using var factor = objective.FactorHessian(logits, labels);
        var columns = factor.Columns.flatten(2).permute(1, 2, 0); // [N, T·C, K]
        var tangents = Fixture.Sine(1, 1.3, 0.7, logits.shape);

        var product = columns.bmm(columns.transpose(1, 2)).bmm(tangents.reshape(logits.shape[0], -1, 1)).view(logits.shape);

        Fixture.AssertClose(objective.TimesHessian(logits, labels, tangents), product);
        Fixture.AssertClose(
            objective.LogitGradients(logits, labels), columns.bmm(factor.Coefficients.t().unsqueeze(-1)).view(logits.shape));
    }
}
