using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Diagnostics;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>A batch in micro-batches of two rows gives the step of the whole batch, for every method and its settings.</summary>
[TestClass]
public sealed class MicroBatchTests
{
    private const int Steps = 3;
    private const double Exactly = 1e-9;
    private const double ByDifferences = 1e-5;

    public static IEnumerable<object[]> Methods =>
        from row in RowWeightsTests.Methods.Append(["iEF without near-duplicates", Ief with { DuplicateThreshold = 0.9 }])
        from mostKeptBytes in new[] { 0, 1 << 20 }
        select new[] { row[0], row[1], mostKeptBytes };

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Step_InParts_IsThatOfTheWholeBatch(string name, object method, int mostKeptBytes)
    {
        using var scope = NewDisposeScope();
        var options = (OptimizerOptions)method;
        var (whole, parts) = (new ToyNetwork(), new ToyNetwork());
        var weights = tensor([1.5, 1, 0.5, 2, 1]);
        using var left = options.Build(whole.Parameters, seed: 4);
        using var right = options.Build(parts.Parameters, seed: 4);

        for (var step = 0; step < Steps; step++)
        {
            using var expected = BatchEvaluation.Run(
                new SoftmaxCrossEntropy(), whole.Labels, left.NeedsPerSampleGradients, whole.Forward, rowWeights: weights);
            using var batch = BatchEvaluation.RunInParts(
                new SoftmaxCrossEntropy(), parts.Labels, (start, count) => parts.Forward(parts.Inputs.narrow(0, start, count)), size: 2,
                rowWeights: weights, mostKeptBytesOfRow: mostKeptBytes);

            Assert.IsFalse(batch.IsWhole);
            Assert.AreEqual(expected.MeanLoss, batch.MeanLoss, 1e-6);
            left.Step(expected, 0.1);
            right.Step(batch, 0.1);
        }

        var differences = method is HessianFreeOptions or AdamQlrOptions or NaturalGradientOptions { AutomaticStep: not null };
        var moved = whole.Flat().sub(new ToyNetwork().Flat()).norm().item<double>();
        Fixture.AssertLess((differences ? ByDifferences : Exactly) * moved, whole.Flat().sub(parts.Flat()).norm().item<double>(), name);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(1 << 20)]
    public void Measure_InParts_EqualsTheWholeBatch(int mostKeptBytes)
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        var probe = new QualityProbe { Directions = [Ief, Ef, Ng, Optimizers.Iekfac, Sf with { Samples = 2 }] };
        var quality = new ApproximationQuality(toy.Parameters, probe, seed: 1) { MostSharedBytes = 0 };
        using var whole = BatchEvaluation.Run(new SoftmaxCrossEntropy(), toy.Labels, true, toy.Forward);
        using var parts = BatchEvaluation.RunInParts(
            new SoftmaxCrossEntropy(), toy.Labels, (start, count) => toy.Forward(toy.Inputs.narrow(0, start, count)), size: 2, mostKeptBytesOfRow: mostKeptBytes);

        var expected = quality.Measure(whole);
        quality.Measured = 0; // so that SF draws the same
        var found = quality.Measure(parts);

        Assert.AreEqual(expected.SgdGamma, found.SgdGamma, 1e-6);
        foreach (var (one, other) in expected.Directions.Zip(found.Directions))
        {
            Assert.AreEqual(one.Gamma, other.Gamma, 1e-6 * one.Gamma, one.Method);
            Assert.AreEqual(one.Norm, other.Norm, 1e-9 * one.Norm, one.Method);
        }
    }

    [TestMethod]
    public void Capture_LayerWithoutRecord_NamesWhatIsMissing()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = toy.OfTorchSharp();
        using var batch = BatchEvaluation.RunInParts(
            new SoftmaxCrossEntropy(), toy.Labels, (start, count) => network.call(toy.Inputs.narrow(0, start, count)), size: 2);
        using var optimizer = Ief.Build([.. network.parameters()], seed: 1);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => optimizer.Step(batch, 0.1)).Message, "recorded by no layer");
    }
}
