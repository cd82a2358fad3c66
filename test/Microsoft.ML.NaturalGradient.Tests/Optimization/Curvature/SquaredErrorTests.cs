using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Curvature;

[TestClass]
public sealed class SquaredErrorTests
{
    private readonly SquaredError _objective = new();

    [TestMethod]
    public void Losses_AreHalfTheSquares()
    {
        using var scope = NewDisposeScope();

        var losses = _objective.Losses(Fixture.Sine(2, 0.9, 0.3, 4, 1), tensor(new[] { 1.0, -2, 0, 3 }));

        double[] labels = [1, -2, 0, 3];
        var expected = labels.Select((label, i) => 0.5 * Math.Pow((2 * Math.Sin((0.9 * i) + 0.3)) - label, 2)).ToArray();
        Fixture.AssertClose(tensor(expected), losses, 1e-14);
    }

    [TestMethod]
    public void LogitGradients_EqualDifferenceQuotients()
    {
        const double Step = 1e-6;
        using var scope = NewDisposeScope();
        var outputs = Fixture.Sine(2, 0.9, 0.3, 4, 1);
        var labels = tensor(new[] { 1.0, -2, 0, 3 });
        var step = full_like(outputs, Step);

        var gradients = _objective.LogitGradients(outputs, labels);

        var quotients = _objective.Losses(outputs.add(step), labels).sub(_objective.Losses(outputs.sub(step), labels)).div(2 * Step);
        Fixture.AssertClose(quotients.unsqueeze(1), gradients, 1e-8);
    }

    [TestMethod]
    public void SampleLabels_ManyDraws_AreNormalAroundTheOutput()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7, CPU);

        var drawn = _objective.SampleLabels(full(20000, 1, 3.0, ScalarType.Float64), zeros(20000, ScalarType.Float64), generator);

        Assert.AreEqual(3, drawn.mean().item<double>(), 0.03); // four standard deviations
        Assert.AreEqual(1, drawn.std().item<double>(), 0.02);
    }

    [TestMethod]
    public void Step_ImprovedEmpiricalFisher_SolvesConsistentLeastSquaresInOneStep()
    {
        using var layer = new LinearLayer(5, 1);
        _ = layer.to(ScalarType.Float64);
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        var inputs = randn(4, 5, dtype: ScalarType.Float64, generator: generator); // of full rank, so that all errors can vanish
        var labels = tensor(new[] { 1.0, -2, 0.5, 3 });
        using var optimizer = (Ief with { Damping = 0 }).Create([.. layer.parameters().Cast<Parameter>()], 0);

        using (var evaluation = BatchEvaluation.Run(_objective, labels, true, () => layer.call(inputs)))
        {
            optimizer.Step(evaluation, 1);
        }

        Fixture.AssertClose(zeros(4, ScalarType.Float64), _objective.Losses(layer.call(inputs), labels), absolute: 1e-20);
    }
}
