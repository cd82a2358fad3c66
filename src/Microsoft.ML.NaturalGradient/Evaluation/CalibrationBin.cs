namespace Microsoft.ML.NaturalGradient;

/// <summary>The rows whose confidence lies in one interval; a part of <see cref="CalibrationMetrics"/>.</summary>
public sealed class CalibrationBin
{
    internal CalibrationBin()
    {
    }

    /// <summary>Lower end of the interval, which does not belong to it but for 0.</summary>
    /// <value>From 0 to less than 1.</value>
    public double LowerBound { get; internal init; }

    /// <summary>Upper end of the interval, which belongs to it.</summary>
    /// <value>More than 0, up to 1.</value>
    public double UpperBound { get; internal init; }

    /// <summary>Rows.</summary>
    public long Count { get; internal init; }

    /// <summary>Mean of the largest probability of each row.</summary>
    /// <value>From 0 to 1; not a number where there are no rows.</value>
    public double MeanConfidence { get; internal init; }

    /// <summary>Share of the rows whose most probable class is the right one.</summary>
    /// <value>From 0 to 1; not a number where there are no rows.</value>
    public double Accuracy { get; internal init; }
}
