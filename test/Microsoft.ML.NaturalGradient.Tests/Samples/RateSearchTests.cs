using System.Text.Json.Nodes;
using ReplicationSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

/// <summary>How the replication sample chooses among learning rates.</summary>
[TestClass]
public sealed class RateSearchTests
{
    [TestMethod]
    public void Best_OneSeed_HasTheSmallestLossOfAnyEpoch()
    {
        var runs = new[] { Run(0.1, 1, 0.6, 0.4, 0.9), Run(0.3, 1, 0.5, 0.45, 0.45), Run(0.01, 1, 0.7, 0.6, 0.5) };

        var best = RateSearch.Best(runs);

        Assert.AreEqual(0.1, best.Key);
        CollectionAssert.AreEqual(new (double?, double)[] { (0.01, 0.5), (0.1, 0.4), (0.3, 0.45) }, RateSearch.Rates(runs).ToArray());
    }

    [TestMethod]
    public void Rates_OnlyOneRateHasMoreSeeds_ComparesTheCommonSeed()
    {
        var runs = new[] { Run(0.1, 1, 0.4), Run(0.1, 2, 0.9), Run(0.1, 3, 0.9), Run(0.3, 1, 0.5) };

        var rates = RateSearch.Rates(runs);

        CollectionAssert.AreEqual(new (double?, double)[] { (0.1, 0.4), (0.3, 0.5) }, rates.ToArray());
        Assert.AreEqual(3, RateSearch.Best(runs).Count(), "all seeds of the best rate");
    }

    [TestMethod]
    public void Rates_SeveralSeedsInCommon_AreAveraged()
    {
        var runs = new[] { Run(0.1, 1, 0.2), Run(0.1, 2, 0.8), Run(0.3, 1, 0.4), Run(0.3, 2, 0.4) };

        Assert.AreEqual(0.3, RateSearch.Best(runs).Key);
    }

    [TestMethod]
    public void Rates_RunThatEndedEarly_IsWorst()
    {
        var runs = new[] { Run(0.1, 1, 0.9), Run(0.3, 1, 0.2) with { Failure = "The loss was not finite." }, Run(1, 1, double.NaN) };

        var rates = RateSearch.Rates(runs);

        Assert.AreEqual(0.1, RateSearch.Best(runs).Key);
        CollectionAssert.AreEqual(new[] { 0.9, double.PositiveInfinity, double.PositiveInfinity }, rates.Select(rate => rate.Loss).ToArray());
    }

    [TestMethod]
    public void Best_MethodWithoutRate_HasItsOwn()
    {
        var runs = new[] { Run(null, 1, 0.4), Run(null, 2, 0.5) };

        Assert.IsNull(RateSearch.Best(runs).Key);
        Assert.AreEqual(0.45, RateSearch.Rates(runs).Single().Loss, 1e-12);
    }

    [TestMethod]
    public void BestLoss_RunWithoutAnEpoch_IsInfinite() => Assert.AreEqual(double.PositiveInfinity, RateSearch.BestLoss(Run(0.1, 1)));

    private static FinishedCell Run(double? rate, int seed, params double[] validationLosses) => new()
    {
        Kind = ExperimentKind.E2,
        Experiment = "test",
        GroupKey = "",
        Optimizer = "SGD",
        LearningRate = rate,
        Seed = seed,
        Settings = new JsonObject(),
        Seconds = 1,
        Epochs =
        [
            .. validationLosses.Select((loss, epoch) => new EpochResult
            {
                Epoch = epoch + 1, TrainingLoss = 1, TrainingAccuracy = null, ValidationLoss = loss, ValidationAccuracy = null, LearningRate = 0,
            }),
        ],
    };
}
