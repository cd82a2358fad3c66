namespace Microsoft.ML.NaturalGradient;

/// <summary>What a <see cref="QualityProbe"/> found on one batch.</summary>
public sealed record QualityReport
{
    /// <summary>γ of the plain gradient, the yardstick of <see cref="DirectionQuality.RatioToSgd"/>.</summary>
    public required double SgdGamma { get; init; }

    /// <summary>The methods in the order in which they were asked for.</summary>
    public required IReadOnlyList<DirectionQuality> Directions { get; init; }

    /// <summary>Largest divided by smallest norm of the per-sample gradients: what distorts EF.</summary>
    public required double GradientNormSpread { get; init; }

    /// <summary>Eigenvalues of the Gram matrix of the per-sample gradients, largest first; those of the empirical Fisher matrix but for zeros.</summary>
    public required IReadOnlyList<double> GramSpectrum { get; init; }

    /// <summary>Averages reports of several batches: γ over batches first, then the ratio to SGD of the averages, as in the paper.</summary>
    /// <param name="reports">Reports of one probe, at least one.</param>
    /// <returns>One row for each method and damping, in the order of the reports.</returns>
    /// <exception cref="ArgumentException">There is no report.</exception>
    public static IReadOnlyList<QualityAverage> Average(IEnumerable<QualityReport> reports)
    {
        ArgumentNullException.ThrowIfNull(reports);
        var all = reports.ToList();
        if (all.Count == 0)
        {
            throw new ArgumentException("There is no report to average. Measure at least one batch.", nameof(reports));
        }

        return
        [
            .. all.SelectMany(report => report.Directions.Select(direction => (direction, report.SgdGamma)))
                .GroupBy(pair => (pair.direction.Method, pair.direction.Damping))
                .Select(group => Average(group.Key.Method, group.Key.Damping, [.. group.Where(pair => double.IsFinite(pair.direction.Gamma) && double.IsFinite(pair.SgdGamma))])),
        ];
    }

    private static QualityAverage Average(string method, double? damping, List<(DirectionQuality Direction, double SgdGamma)> pairs)
    {
        var (gamma, sgd) = pairs.Count == 0
            ? (double.NaN, double.NaN)
            : (pairs.Average(pair => pair.Direction.Gamma), pairs.Average(pair => pair.SgdGamma));
        return new QualityAverage { Method = method, Damping = damping, Gamma = gamma, RatioToSgd = gamma / sgd, BatchCount = pairs.Count };
    }
}
