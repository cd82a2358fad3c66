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
    /// <returns>One row for each direction of the probe, in its order.</returns>
    /// <exception cref="ArgumentException">There is no report, or they are of different probes.</exception>
    public static IReadOnlyList<QualityAverage> Average(IEnumerable<QualityReport> reports)
    {
        ArgumentNullException.ThrowIfNull(reports);
        var all = reports.ToList();
        if (all.Count == 0)
        {
            throw new ArgumentException("There is no report to average. Measure at least one batch.", nameof(reports));
        }

        if (all.Exists(report => !report.Directions.Select(Measured).SequenceEqual(all[0].Directions.Select(Measured))))
        {
            throw new ArgumentException("The reports are of different probes: their directions differ. Average those of one probe at a time.", nameof(reports));
        }

        return [.. all[0].Directions.Select((direction, i) => Average(direction, [.. all.Select(report => (report.Directions[i].Gamma, report.SgdGamma))]))];
    }

    private static (string Method, double? Damping, OptimizerOptions? Optimizer) Measured(DirectionQuality direction) =>
        (direction.Method, direction.Damping, direction.Optimizer);

    private static QualityAverage Average(DirectionQuality direction, List<(double Gamma, double SgdGamma)> pairs)
    {
        pairs.RemoveAll(pair => !double.IsFinite(pair.Gamma) || !double.IsFinite(pair.SgdGamma));
        var (gamma, sgd) = pairs.Count == 0 ? (double.NaN, double.NaN) : (pairs.Average(pair => pair.Gamma), pairs.Average(pair => pair.SgdGamma));
        return new QualityAverage
        {
            Method = direction.Method,
            Damping = direction.Damping,
            Optimizer = direction.Optimizer,
            Gamma = gamma,
            RatioToSgd = gamma / sgd,
            BatchCount = pairs.Count,
        };
    }
}
