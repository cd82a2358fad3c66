namespace ReplicationSample;

/// <summary>Chooses among the learning rates with which one optimizer was run.</summary>
internal static class RateSearch
{
    /// <summary>Each rate with the mean of <see cref="BestLoss"/> over the seeds with which all rates were run; infinite where a run ended early.</summary>
    /// <param name="runs">Finished runs of one optimizer.</param>
    public static IReadOnlyList<(double? Rate, double Loss)> Rates(IEnumerable<FinishedCell> runs)
    {
        var rates = runs.GroupBy(run => run.LearningRate).OrderBy(rate => rate.Key).ToArray();
        var common = rates.Select(rate => rate.Select(run => run.Seed)).Aggregate((some, others) => some.Intersect(others)).ToHashSet();
        return
        [
            .. rates.Select(rate => (rate.Key, rate.Where(run => common.Count == 0 || common.Contains(run.Seed))
                .Average(run => run.Failure is null && double.IsFinite(BestLoss(run)) ? BestLoss(run) : double.PositiveInfinity))),
        ];
    }

    /// <summary>All runs at the rate with the smallest loss.</summary>
    /// <inheritdoc cref="Rates"/>
    public static IGrouping<double?, FinishedCell> Best(IEnumerable<FinishedCell> runs)
    {
        var all = runs.ToArray();
        var best = Rates(all).MinBy(rate => rate.Loss).Rate;
        return all.GroupBy(run => run.LearningRate).Single(rate => rate.Key == best);
    }

    /// <summary>Validation loss of the best epoch; infinite where no epoch ended.</summary>
    public static double BestLoss(FinishedCell run) =>
        run.Epochs.Select(epoch => epoch.ValidationLoss ?? double.PositiveInfinity).DefaultIfEmpty(double.PositiveInfinity).Min();
}
