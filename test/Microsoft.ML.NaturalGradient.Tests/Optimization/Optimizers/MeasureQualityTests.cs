using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Diagnostics;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp.Modules;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static Microsoft.ML.NaturalGradient.Tests.Oracles.NetworkWeights;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>The quality of directions on a network of TorchSharp's own layers.</summary>
[TestClass]
public sealed class MeasureQualityTests
{
    private static readonly QualityProbe Probe = new()
    {
        Directions = [Ef, Ief, Sf, Ng with { Damping = 0 }, Optimizers.HessianFree, Optimizers.Sgd],
        DampingSweep = [1e-3],
    };

    [TestMethod]
    public void MeasureQuality_LayersOfTorchSharp_EqualsThatOfRecordedOnes()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), toy.Labels, true, toy.Forward);
        var expected = new ApproximationQuality(toy.Parameters, Probe, seed: 5).Measure(batch);
        using var network = Network();
        using var optimizer = Ief.CreateFor(network.parameters(), 3, seed: 5);

        var found = optimizer.MeasureQuality(() => network.call(toy.Inputs), toy.Labels, Probe);

        var updates = toy.Reference("updates");
        Assert.AreEqual(updates.GetProperty("SGD").GetProperty("gamma").GetDouble(), found.SgdGamma, 1e-7);
        Assert.AreEqual(updates.GetProperty("NG_pinv").GetProperty("gamma").GetDouble(), found.Directions[3].Gamma, 1e-6);
        Assert.AreEqual(expected.SgdGamma, found.SgdGamma, 1e-9);
        Assert.AreEqual(expected.GradientNormSpread, found.GradientNormSpread, 1e-9);
        Fixture.AssertClose(tensor(expected.GramSpectrum.ToArray()), tensor(found.GramSpectrum.ToArray()));
        Assert.HasCount(11, found.Directions); // six, and the five damped ones once more
        foreach (var (one, other) in expected.Directions.Zip(found.Directions))
        {
            Assert.AreEqual((one.Method, one.Damping), (other.Method, other.Damping));
            Assert.AreEqual(one.Gamma, other.Gamma, 1e-7 * one.Gamma, one.Method);
            Assert.AreEqual(one.Norm, other.Norm, 1e-7 * one.Norm, one.Method);
            Fixture.AssertClose(tensor(one.Projections.ToArray()), tensor(other.Projections.ToArray()), 1e-6, 1e-8);
        }
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.OfAnyNetwork), typeof(EveryOptimizer))]
    public void MeasureQuality_BetweenSteps_ChangesNothing(string name, object method)
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        var (plain, measured) = (Network(), Network());
        using var ofPlain = ((OptimizerOptions)method).CreateFor(plain.parameters(), 3, seed: 2);
        using var ofMeasured = ((OptimizerOptions)method).CreateFor(measured.parameters(), 3, seed: 2);
        for (var step = 0; step < 3; step++)
        {
            ofPlain.Step(() => plain.call(toy.Inputs), toy.Labels, 0.1);
            var before = Flat(measured);
            ofMeasured.MeasureQuality(() => measured.call(toy.Inputs), toy.Labels);
            Assert.AreEqual(0, Flat(measured).sub(before).abs().max().item<double>(), name);
            Assert.IsTrue(measured.parameters().All(parameter => parameter.grad is null));
            ofMeasured.Step(() => measured.call(toy.Inputs), toy.Labels, 0.1);
        }

        Assert.AreEqual(0, Flat(measured).sub(Flat(plain)).abs().max().item<double>(), name);
    }

    [TestMethod]
    public void MeasureQuality_SampledFisher_DrawsAnewEachTimeAndRepeatsWithTheSeed()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        double[] Gammas()
        {
            using var optimizer = Optimizers.AdamW.CreateFor(toy.Parameters, 3, seed: 7);
            return [.. Enumerable.Range(0, 4).Select(_ => optimizer.MeasureQuality(toy.Forward, toy.Labels, new QualityProbe { Directions = [Sf] }).Directions[0].Gamma)];
        }

        var (first, second) = (Gammas(), Gammas());

        CollectionAssert.AreEqual(first, second);
        Assert.IsGreaterThan(1, first.Distinct().Count());
    }

    [TestMethod]
    public void MeasureQuality_Regression_FindsIefAsGoodAsTheNaturalGradient()
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = (Fixture.Sine(1, 0.9, 0.4, 3, 6), Fixture.Sine(1, 1.7, 0.1, 3));
        using var layer = nn.Linear(6, 1, dtype: ScalarType.Float64);
        using var optimizer = Ief.CreateForRegression(layer.parameters());

        var report = optimizer.MeasureQuality(
            () => layer.call(inputs), labels, new QualityProbe { Directions = [Ief with { Damping = 0 }, Ng with { Damping = 0 }] });

        // With one output F* is the Fisher matrix, and γ of the natural gradient is 1/√(gᵀF⁺g) = 1/‖r‖ for more weights than rows.
        var residuals = layer.call(inputs).detach().squeeze(1).sub(labels);
        Assert.AreEqual(1 / residuals.norm().item<double>(), report.Directions[1].Gamma, 1e-6);
        Assert.AreEqual(report.Directions[1].Gamma, report.Directions[0].Gamma, 1e-6);
        Assert.IsGreaterThanOrEqualTo(report.Directions[1].Gamma - 1e-9, report.SgdGamma);
    }

    [TestMethod]
    public void MeasureQuality_WhatCannotBeMeasured_Throws()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        var optimizer = Ief.CreateFor(toy.Parameters, 3);
        QualityReport Measure(Func<Tensor> forward, Tensor labels, params OptimizerOptions[] methods) =>
            optimizer.MeasureQuality(forward, labels, new QualityProbe { Directions = methods });

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Measure(toy.Forward, toy.Labels, Optimizers.AdamW)).Message, "AdamW");
        Assert.ThrowsExactly<ArgumentException>(() => Measure(toy.Forward, toy.Labels[..4], Ief));
        Assert.ThrowsExactly<ArgumentException>(() => Measure(() => toy.Forward().detach(), toy.Labels, Ief));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Measure(toy.Forward, toy.Labels, Ief with { Damping = -1 }));
        Assert.ThrowsExactly<InvalidOperationException>(() => Measure(() => toy.Forward().mul(double.NaN), toy.Labels, Ief));
        var calls = 0; // seen where the forward pass is repeated, as it is on layers that record nothing
        using var network = Network();
        using var other = Ief.CreateFor(network.parameters(), 3);
        Assert.ThrowsExactly<InvalidOperationException>(
            () => other.MeasureQuality(() => network.call(toy.Inputs).mul(1 + (0.1 * calls++)), toy.Labels, new QualityProbe { Directions = [Ief] }));
        optimizer.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => Measure(toy.Forward, toy.Labels, Ief));
    }

    [TestMethod]
    public void MeasureQuality_LeavesNothingBehind()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = Network();
        using var optimizer = Ief.CreateFor(network.parameters(), 3);
        optimizer.MeasureQuality(() => network.call(toy.Inputs), toy.Labels, Probe);
        var before = LiveTensors.Settled();

        optimizer.MeasureQuality(() => network.call(toy.Inputs), toy.Labels, Probe);

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    private static Sequential Network() => new ToyNetwork().OfTorchSharp();
}
