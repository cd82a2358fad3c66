using Microsoft.ML.NaturalGradient.Tests.Optimization;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Every optimizer, and the measurement of directions, through the trainers.</summary>
[TestClass]
public sealed class OptimizerFamilyTests
{
    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Fit_EveryOptimizer_LowersTheLossOfTexts(string name, object optimizer)
    {
        var mlContext = new MLContext(seed: 1);
        var losses = new List<double>();
        using var model = TinyText.Trainer(mlContext, options =>
        {
            options.Optimizer = (OptimizerOptions)optimizer;
            options.MaxEpoch = 4;
            options.MetricsCallback = progress =>
            {
                if (progress.EndOfEpoch)
                {
                    losses.Add(progress.Loss);
                }
            };
        }).Fit(TinyText.KeyedRows(mlContext, 32));

        Assert.HasCount(4, losses);
        Assert.IsTrue(losses.All(double.IsFinite), $"{name}: {string.Join(' ', losses)}");
        Fixture.AssertLess(losses[0] - 0.002, losses[^1], $"{name}: {string.Join(' ', losses)}"); // Adafactor's small steps make it 0.0035
    }

    [TestMethod]
    public void Fit_WithProbe_ReportsDirectionsOfTextsAndPictures()
    {
        var mlContext = new MLContext(seed: 1);
        var probe = new QualityProbe { Every = null, BatchesPerEpoch = 2, Directions = [Optimizers.Ief, Optimizers.Ng with { Damping = 1e-6 }] };
        var reports = new List<TrainingProgress>();

        using var texts = TinyText.Trainer(mlContext, options =>
        {
            options.QualityProbe = probe;
            options.MetricsCallback = reports.Add;
        }).Fit(TinyText.KeyedRows(mlContext, 32));
        using var pictures = TinyImages.Trainer(mlContext, options =>
        {
            options.QualityProbe = probe;
            options.MetricsCallback = reports.Add;
        }).Fit(TinyImages.KeyedRows(mlContext));

        var ends = reports.Where(report => report.EndOfEpoch).ToArray();
        Assert.HasCount(4, ends);
        Assert.IsTrue(ends.All(report => report.EpochQuality.Count == 2));
        foreach (var batch in ends.SelectMany(report => report.EpochQuality))
        {
            Assert.HasCount(2, batch.Directions);
            // The natural gradient has the smallest γ of all directions.
            Fixture.AssertLess(1.001 * batch.Directions[0].Gamma, batch.Directions[1].Gamma);
            Fixture.AssertLess(1.001 * batch.SgdGamma, batch.Directions[1].Gamma);
        }
    }

    [TestMethod]
    public void Fit_KroneckerMethodOnAllWeights_LogsWhatItTrainsOtherwise()
    {
        var mlContext = new MLContext(seed: 1);
        var log = new List<string>();
        mlContext.Log += (_, e) => log.Add(e.Message);

        using var model = TinyText.Trainer(mlContext, options =>
        {
            options.Optimizer = Optimizers.Iekfac;
            options.Adapter = Adapters.Full;
            options.MaxEpoch = 1;
        }).Fit(TinyText.KeyedRows(mlContext, 16));

        Assert.IsTrue(log.Any(line => line.Contains("ieKFAC trains", StringComparison.Ordinal) && line.Contains("embeddings", StringComparison.Ordinal)), string.Join('\n', log));
    }

    [TestMethod]
    public void Options_ProbeOutOfRange_ThrowsWhenTheTrainerIsMade()
    {
        var mlContext = new MLContext(seed: 1);

        Assert.Throws<ArgumentOutOfRangeException>(() => TinyText.Trainer(mlContext, options => options.QualityProbe = new QualityProbe { Every = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => TinyImages.Trainer(mlContext, options => options.QualityProbe = new QualityProbe { BatchesPerEpoch = -1 }));
    }
}
