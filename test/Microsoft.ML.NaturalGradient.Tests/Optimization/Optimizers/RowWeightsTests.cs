using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static Microsoft.ML.NaturalGradient.Tests.Oracles.NetworkWeights;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>A row of weight 2 is the row twice, for every method and its settings.</summary>
[TestClass]
public sealed class RowWeightsTests
{
    private const int Steps = 3;

    // Those that take derivatives from differences of two passes are as exact as these.
    private const double Exactly = 1e-9;
    private const double ByDifferences = 1e-5;

    private static readonly long[] Counts = [2, 1, 3, 1, 1];

    public static IEnumerable<object[]> Methods => EveryOptimizer.All.Concat(
    [
        ["iEF as in eq. (8)", Ief with { LiteralEq8 = true, Damping = 1e-3 }],
        ["iEF without damping", Ief with { Damping = 0 }],
        ["iEF with momentum", Ief with { Momentum = 0.5 }],
        ["iEF with capped targets", Ief with { TargetLimit = 0.1 }],
        ["iEF of unit length", Ief with { NormalizeUpdate = true }],
        ["iEF with measured steps", Ief with { AutomaticStep = new AutomaticStep { Every = 1 } }],
        ["EF with absolute damping", Ef with { AbsoluteDamping = true }],
        ["EF with momentum", Ef with { Momentum = 0.5 }],
        ["SF of two draws", Sf with { Samples = 2 }],
        ["iEF with groups", Ief with { Groups = [new ParameterGroup("2") { RateFactor = 4 }] }],
        ["NG-CG with groups", Optimizers.HessianFree with { Groups = [new ParameterGroup("2") { RateFactor = 4 }] }],
        ["SF with absolute damping", Sf with { AbsoluteDamping = true, Damping = 0.1 }],
        ["KFAC of all labels", Optimizers.Kfac with { ExactLabels = true }],
        ["KFAC with exact damping", Optimizers.Kfac with { DampingForm = KroneckerDamping.Exact }],
        ["ieKFAC with momentum and shared positions", Iekfac with { Momentum = 0.5, WeightSharing = WeightSharing.Reduce }],
        ["AdaFisher of the reference", Optimizers.AdaFisher with { Variant = AdaFisherVariant.Reference }],
        ["AdamW with clipped gradients", Optimizers.AdamW with { GradientClipNorm = 0.05 }],
    ]);

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Step_RowOfWeightTwo_IsTheRowTwice(string name, object method)
    {
        using var scope = NewDisposeScope();
        var options = (OptimizerOptions)method;
        var (weighted, repeated) = (new ToyNetwork(), new ToyNetwork());
        var rows = Rows();
        var (inputs, labels) = (repeated.Inputs.index_select(0, rows), repeated.Labels.index_select(0, rows));
        using var left = Build(options, weighted);
        using var right = Build(options, repeated);

        for (var step = 0; step < Steps; step++)
        {
            using var few = BatchEvaluation.Run(
                new SoftmaxCrossEntropy(), weighted.Labels, left.NeedsPerSampleGradients, weighted.Forward, rowWeights: tensor(Counts).to(ScalarType.Float64));
            using var many = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, right.NeedsPerSampleGradients, () => repeated.Forward(inputs));

            Assert.AreEqual(many.MeanLoss, few.MeanLoss, 1e-9);
            left.Step(few, 0.1);
            right.Step(many, 0.1);
        }

        var differences = method is HessianFreeOptions or AdamQlrOptions or NaturalGradientOptions { AutomaticStep: not null };
        var start = new ToyNetwork().Flat();
        Fixture.AssertLess(
            (differences ? ByDifferences : Exactly) * repeated.Flat().sub(start).norm().item<double>(),
            weighted.Flat().sub(repeated.Flat()).norm().item<double>(), name);
        Assert.IsGreaterThan(1e-6, repeated.Flat().sub(start).norm().item<double>(), name);
    }

    [TestMethod]
    public void MeasureQuality_RowOfWeightTwo_IsTheRowTwice()
    {
        using var scope = NewDisposeScope();
        using var network = new ToyNetwork().OfTorchSharp();
        var toy = new ToyNetwork();
        var rows = Rows();
        var (inputs, labels) = (toy.Inputs.index_select(0, rows), toy.Labels.index_select(0, rows));
        using var optimizer = Ief.CreateFor(network, classCount: 3);
        var probe = new QualityProbe { Directions = [Ief, Ef, Ng] };

        var few = optimizer.MeasureQuality(() => network.call(toy.Inputs), toy.Labels, probe, tensor(Counts).to(ScalarType.Float32));
        var many = optimizer.MeasureQuality(() => network.call(inputs), labels, probe);
        var plain = optimizer.MeasureQuality(() => network.call(toy.Inputs), toy.Labels, probe);

        Assert.AreEqual(many.SgdGamma, few.SgdGamma, 1e-9);
        Assert.AreNotEqual(plain.SgdGamma, few.SgdGamma, 1e-3);
        foreach (var (one, other) in many.Directions.Zip(few.Directions))
        {
            Assert.AreEqual(one.Gamma, other.Gamma, 1e-9, one.Method);
        }
    }

    [TestMethod]
    public void Step_OfAnyNetwork_TakesWeightsInSingle()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        var rows = Rows();
        var (inputs, labels) = (toy.Inputs.index_select(0, rows), toy.Labels.index_select(0, rows));
        using var weighted = toy.OfTorchSharp();
        using var repeated = toy.OfTorchSharp();
        using var left = Ief.CreateFor(weighted, classCount: 3);
        using var right = Ief.CreateFor(repeated, classCount: 3);

        var report = left.Step(() => weighted.call(toy.Inputs), toy.Labels, rowWeights: tensor(Counts).to(ScalarType.Float32));
        var expected = right.Step(() => repeated.call(inputs), labels);

        Assert.AreEqual(expected.Loss, report.Loss, 1e-9);
        Assert.AreEqual(expected.SmallestGradientNorm!.Value, report.SmallestGradientNorm!.Value, 1e-9);
        Assert.AreEqual(expected.LargestGradientNorm!.Value, report.LargestGradientNorm!.Value, 1e-9);
        Fixture.AssertClose(Flat(repeated), Flat(weighted), 1e-9, 1e-9);
    }

    [TestMethod]
    [DataRow(new[] { 1.0, 1 }, "[5]")]
    [DataRow(new[] { 1.0, 1, 0, 1, 1 }, "Leave rows of weight 0 out")]
    [DataRow(new[] { 1.0, 1, -1, 1, 1 }, "not a positive number")]
    [DataRow(new[] { 1.0, 1, double.NaN, 1, 1 }, "not a positive number")]
    [DataRow(new[] { 1.0, 1, double.PositiveInfinity, 1, 1 }, "not a positive number")]
    [DataRow(new[] { 1.0, 1, 1e39, 1, 1 }, "that float32 holds")]
    [DataRow(new[] { 1.0, 1, 1e-46, 1, 1 }, "that float32 holds")]
    public void Step_BadWeights_ThrowsAndChangesNothing(double[] weights, string expected)
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = toy.OfTorchSharp();
        using var optimizer = Ief.CreateFor(network, classCount: 3);

        var exception = Assert.ThrowsExactly<ArgumentException>(
            () => optimizer.Step(() => network.call(toy.Inputs), toy.Labels, rowWeights: tensor(weights)));

        StringAssert.Contains(exception.Message, expected);
        Assert.AreEqual("rowWeights", exception.ParamName);
        Assert.AreEqual(0, Flat(network).sub(toy.Flat()).abs().max().item<double>());
    }

    [TestMethod]
    public void Step_WholeNumbersAsWeights_Throws()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = toy.OfTorchSharp();
        using var optimizer = Ief.CreateFor(network, classCount: 3);

        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => optimizer.Step(() => network.call(toy.Inputs), toy.Labels, rowWeights: tensor(Counts))).Message,
            "Int64");
    }

    private static Tensor Rows() => tensor(Counts.SelectMany((count, n) => Enumerable.Repeat((long)n, (int)count)).ToArray());

    // The labels that a row draws do not depend on where it stands: those that the model thinks least likely.
    internal static Optimizer Build(OptimizerOptions options, ToyNetwork network) => options switch
    {
        SfOptions sf => new SampledFisher(network.Parameters, sf, Drawn),
        KfacOptions { ExactLabels: false } kfac => new Kfac(network.Parameters, kfac, Drawn),
        _ => options.Build(network.Parameters, seed: 1),
    };

    private static Tensor Drawn(BatchEvaluation batch) =>
        new SoftmaxCrossEntropy().LogitGradients(batch.Logits.detach(), batch.Logits.detach().argmin(-1));
}
