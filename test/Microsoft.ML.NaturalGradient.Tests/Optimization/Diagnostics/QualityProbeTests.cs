using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Tests.Training;
using Microsoft.ML.NaturalGradient.Training;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Diagnostics;

[TestClass]
public sealed class QualityProbeTests
{
    [TestMethod]
    public void Run_WithProbe_ReportsEveryFewStepsAndTrainsAsWithout()
    {
        using var plain = new PointClassifier();
        using var probed = new PointClassifier();
        var reports = new List<TrainingProgress>();

        Run(plain, null, _ => { });
        Run(probed, new QualityProbe { Every = 2 }, reports.Add);

        CollectionAssert.AreEqual(plain.Weights, probed.Weights);
        CollectionAssert.AreEqual(
            new[] { "1.1", "1.3", "2.2" }, reports.Where(report => report.Quality is not null).Select(report => $"{report.Epoch}.{report.Step}").ToArray());
        Assert.IsTrue(reports.All(report => !report.EndOfEpoch || report.Quality is null));
        var quality = reports[0].Quality!;
        CollectionAssert.AreEqual(new[] { "EF", "iEF", "SF" }, quality.Directions.Select(row => row.Method).ToArray());
        Assert.IsTrue(quality.SgdGamma > 0 && quality.Directions.All(row => row.Gamma > 0));
        // Training, then off and on again for each measurement.
        CollectionAssert.AreEqual(new[] { true, false, true, false, true, true, false, true }, probed.Modes);
    }

    [TestMethod]
    public void Run_WithBatchesPerEpoch_MeasuresTheWeightsOfTheEpochsEnd()
    {
        using var plain = new PointClassifier();
        using var probed = new PointClassifier();
        var reports = new List<TrainingProgress>();

        Run(plain, null, _ => { });
        Run(probed, new QualityProbe { Every = null, BatchesPerEpoch = 2, Directions = [Ief] }, reports.Add);

        CollectionAssert.AreEqual(plain.Weights, probed.Weights);
        Assert.IsTrue(reports.All(report => report.Quality is null && report.EpochQuality.Count == (report.EndOfEpoch ? 2 : 0)));
        var average = QualityReport.Average(reports[^1].EpochQuality)[0];
        Assert.AreEqual("iEF", average.Method);
        Assert.AreEqual(2, average.BatchCount);
        Assert.IsTrue(average.Gamma > 0);
    }

    [TestMethod]
    public void Validate_SettingsOutOfRange_Throw()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(new QualityProbe { Every = 0 }.Validate);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(new QualityProbe { BatchesPerEpoch = -1 }.Validate);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(new QualityProbe { DampingSweep = [-1] }.Validate);
        Assert.ThrowsExactly<ArgumentNullException>(new QualityProbe { Directions = null! }.Validate);
        Assert.AreEqual(nameof(QualityProbe.Directions), Assert.ThrowsExactly<ArgumentNullException>(new QualityProbe { Directions = [Ief, null!] }.Validate).ParamName);
        new QualityProbe().Validate();
    }

    private static void Run(PointClassifier model, QualityProbe? probe, Action<TrainingProgress> report)
    {
        var settings = new TrainingSettings { Optimizer = Ief, ClassCount = 2, EpochCount = 2, Seed = 1, Probe = probe, Report = report };
        _ = new TrainingLoop(model, new SoftmaxCrossEntropy(), settings).Run(new PointSource(20, 8), null);
    }
}
