using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Diagnostics;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Diagnostics;

[TestClass]
public sealed class ApproximationQualityTests
{
    private static readonly SoftmaxCrossEntropy Objective = new();

    [TestMethod]
    public void Measure_ToyNetwork_EqualsReference()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        // Methods that use plain and per-sample gradients take turns on one graph.
        var report = Measure(network, new QualityProbe
        {
            Directions = [Optimizers.HessianFree, Ef with { Damping = 0 }, Optimizers.HessianFree, Ief with { Damping = 0 }, Optimizers.Sgd, Ng with { Damping = 0 }],
        });

        var updates = network.Reference("updates");
        var expected = new[] { "", "EF_lam0", "", "iEF_lam0", "SGD", "NG_pinv" };
        var sgd = updates.GetProperty("SGD").GetProperty("gamma").GetDouble();
        Assert.AreEqual(sgd, report.SgdGamma, 1e-7);
        foreach (var (name, direction) in expected.Zip(report.Directions).Where(pair => pair.First.Length > 0))
        {
            var gamma = updates.GetProperty(name).GetProperty("gamma").GetDouble();
            Assert.AreEqual(gamma, direction.Gamma, 1e-6, name);
            Assert.AreEqual(gamma / sgd, direction.RatioToSgd, 1e-6, name);
        }

        var kappa = updates.GetProperty("EF_lam0").GetProperty("kappa").ToTensor();
        Fixture.AssertClose(kappa, tensor(report.Directions[1].Projections.ToArray()));
        Assert.AreEqual(updates.GetProperty("EF_lam0").GetProperty("norm").GetDouble(), report.Directions[1].Norm, 1e-8);
        Assert.AreEqual(report.Directions[0].Gamma, report.Directions[2].Gamma, 1e-9);
        Fixture.AssertClose(network.Reference("eig_C").ToTensor().flip(0), tensor(report.GramSpectrum.ToArray()));
        var diagonal = network.Reference("C").ToTensor().diagonal();
        Assert.AreEqual(Math.Sqrt(diagonal.max().item<double>() / diagonal.min().item<double>()), report.GradientNormSpread, 1e-8);
    }

    [TestMethod]
    public void Measure_SharedJacobian_EqualsOwnPassesOfEachMethod()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var probe = new QualityProbe { Directions = [Optimizers.Sgd, Ef, Ief, Ief with { LiteralEq8 = true }, Sf with { Samples = 2 }, Ng, Optimizers.Kfac, Iekfac, Optimizers.AdaFisher] };

        var shared = Measure(network, probe);
        var alone = Measure(network, probe, mostSharedBytes: 0);

        foreach (var (expected, actual) in alone.Directions.Zip(shared.Directions))
        {
            // Alone γ comes from differences, whose relative error is up to 1E-6.
            Assert.AreEqual(expected.Gamma, actual.Gamma, 1e-6 * expected.Gamma, expected.Method);
            Assert.AreEqual(expected.Norm, actual.Norm, 1e-8 * expected.Norm, expected.Method);
            Fixture.AssertClose(tensor(expected.Projections.ToArray()), tensor(actual.Projections.ToArray()));
        }

        Fixture.AssertClose(tensor(alone.GramSpectrum.ToArray()), tensor(shared.GramSpectrum.ToArray()));
    }

    [TestMethod]
    [DataRow(1L << 30, true)]
    [DataRow(0L, false)]
    public void Measure_MemoryForSharing_DecidesWhetherItIsUsed(long mostSharedBytes, bool expected)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var batch = BatchEvaluation.Run(Objective, network.Labels, true, network.Forward);

        _ = new ApproximationQuality(network.Parameters, new QualityProbe(), seed: 1) { MostSharedBytes = mostSharedBytes }.Measure(batch);

        Assert.AreEqual(expected, batch.Jacobian is not null);
    }

    [TestMethod]
    public void Measure_DampingSweep_HasARowForEachMethodAndDamping()
    {
        using var scope = NewDisposeScope();

        var report = Measure(new ToyNetwork(), new QualityProbe { Directions = [Ief, Optimizers.Sgd, Ef], DampingSweep = [1e-3, 1] });

        CollectionAssert.AreEqual(
            new[] { "iEF 0.1", "SGD ", "EF 0.01", "iEF 0.001", "iEF 1", "EF 0.001", "EF 1" },
            report.Directions.Select(row => FormattableString.Invariant($"{row.Method} {row.Damping}")).ToArray());
        Assert.AreEqual(report.SgdGamma, report.Directions[1].Gamma);
        Assert.AreEqual(1, report.Directions[1].RatioToSgd);
    }

    [TestMethod]
    public void Measure_SampledFisher_DrawsAnewForEachBatch()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var quality = new ApproximationQuality(network.Parameters, new QualityProbe { Directions = [Sf] }, seed: 4);
        using var batch = BatchEvaluation.Run(Objective, network.Labels, true, network.Forward);

        var gammas = Enumerable.Range(0, 5).Select(_ => quality.Measure(batch).Directions[0].Gamma).ToList();

        Assert.IsGreaterThan(1, gammas.Distinct().Count());
    }

    [TestMethod]
    public void Constructor_MethodWithoutADirection_Throws()
    {
        var network = new ToyNetwork();

        var error = Assert.ThrowsExactly<ArgumentException>(
            () => new ApproximationQuality(network.Parameters, new QualityProbe { Directions = [Optimizers.AdamW] }, seed: 1));

        StringAssert.Contains(error.Message, "AdamW");
    }

    [TestMethod]
    public void Measure_LeavesNothingBehind()
    {
        var network = new ToyNetwork();
        var quality = new ApproximationQuality(
            network.Parameters, new QualityProbe { Directions = [Ef, Ief, Sf, Ng, Optimizers.HessianFree], DampingSweep = [0.5] }, seed: 1);
        using var batch = BatchEvaluation.Run(Objective, network.Labels, true, network.Forward);
        _ = quality.Measure(batch);
        var before = LiveTensors.Settled();

        _ = quality.Measure(batch);

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    public void Average_SkipsBatchesWithoutGammaAndDividesMeans()
    {
        var reports = new[] { Report(2, 1), Report(4, 3), Report(double.NaN, 100) };

        var row = QualityReport.Average(reports).Single();

        Assert.AreEqual(new QualityAverage { Method = "EF", Damping = 0.1, Gamma = 3, RatioToSgd = 1.5, BatchCount = 2 }, row);
        Assert.ThrowsExactly<ArgumentException>(() => QualityReport.Average([]));
    }

    [TestMethod]
    public void Average_DirectionsThatDifferInOneSetting_StayApart()
    {
        var network = new ToyNetwork();
        OptimizerOptions[] directions = [Sf, Sf with { Samples = 8 }, Optimizers.Kfac, Optimizers.Kfac with { Damping = 10 }, Ief, Ief];
        var quality = new ApproximationQuality(network.Parameters, new QualityProbe { Directions = directions }, seed: 1);
        using var batch = BatchEvaluation.Run(Objective, network.Labels, true, network.Forward);
        QualityReport[] reports = [quality.Measure(batch), quality.Measure(batch)];

        var rows = QualityReport.Average(reports);

        CollectionAssert.AreEqual(directions, rows.Select(row => row.Optimizer).ToArray());
        CollectionAssert.AreEqual(new double?[] { 0.01, 0.01, 0.1, 10, 0.1, 0.1 }, rows.Select(row => row.Damping).ToArray());
        for (var i = 0; i < rows.Count; i++)
        {
            Assert.AreEqual(2, rows[i].BatchCount);
            Assert.AreEqual(reports.Average(report => report.Directions[i].Gamma), rows[i].Gamma, 1e-12);
        }

        Assert.AreNotEqual(rows[2].Gamma, rows[3].Gamma);
        Assert.ThrowsExactly<ArgumentException>(() => QualityReport.Average([reports[0], reports[1] with { Directions = [.. reports[1].Directions.Reverse()] }]));
    }

    /// <summary>The paper's first experiment in small: EF gets worse than the gradient as samples are learned, iEF does not.</summary>
    [TestMethod]
    public void Measure_AlongARun_EmpiricalFisherDecaysAndImprovedDoesNot()
    {
        using var scope = NewDisposeScope();
        using var network = new RandomNetwork(21, [256, 16], 32, 32, 5);
        var (inputs, labels) = (network.Inputs, network.Inputs.mm(network.Normal(16, 5)).add(network.Normal(256, 5)).argmax(1));
        using var optimizer = Optimizers.AdamW.Create(network.Parameters, 0);
        var quality = new ApproximationQuality(
            network.Parameters, new QualityProbe { Directions = [Ef with { Damping = 0 }, Ief with { Damping = 0 }, Sf, Ng with { Damping = 0 }] }, seed: 1);
        var stages = new List<double[]>();
        for (var epoch = 0; epoch <= 60; epoch++)
        {
            var reports = new List<QualityReport>();
            for (var start = 0; start < 256; start += 32)
            {
                using var stepScope = NewDisposeScope();
                network.Inputs = inputs.narrow(0, start, 32);
                if (epoch is 0 or 60 && start < 128)
                {
                    using var batch = BatchEvaluation.Run(Objective, labels.narrow(0, start, 32), true, network.Forward);
                    reports.Add(quality.Measure(batch));
                }

                using var evaluation = BatchEvaluation.Run(Objective, labels.narrow(0, start, 32), false, network.Forward);
                optimizer.Step(evaluation, 3e-3);
            }

            if (reports.Count > 0)
            {
                stages.Add([.. QualityReport.Average(reports).Select(row => row.RatioToSgd)]);
            }
        }

        var (first, last) = (stages[0], stages[^1]);
        var found = string.Join(" | ", stages.Select(stage => string.Join(" ", stage.Select(ratio => $"{ratio:G3}"))));
        Assert.IsTrue(first[0] < 2 && first[1] < 2, found);
        Assert.IsTrue(last[0] > 5, found); // EF
        Assert.IsTrue(last[1] < 1, found); // iEF
        Assert.IsTrue(last[1] < last[2] && last[2] < last[0], found); // iEF < SF < EF
        Assert.IsTrue(last[3] < last[1] && last[3] < 1, found); // NG
    }

    private static QualityReport Measure(ToyNetwork network, QualityProbe probe, long mostSharedBytes = 1L << 30)
    {
        using var batch = BatchEvaluation.Run(Objective, network.Labels, true, network.Forward);
        return new ApproximationQuality(network.Parameters, probe, seed: 1) { MostSharedBytes = mostSharedBytes }.Measure(batch);
    }

    private static QualityReport Report(double gamma, double sgdGamma) => new()
    {
        SgdGamma = sgdGamma,
        Directions = [new DirectionQuality { Method = "EF", Damping = 0.1, Gamma = gamma, RatioToSgd = gamma / sgdGamma, Norm = 1, Projections = [] }],
        GradientNormSpread = 1,
        GramSpectrum = [],
    };
}
