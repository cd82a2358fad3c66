using Microsoft.ML.NaturalGradient.Evaluation;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Whether probabilities mean what they say: what <c>EvaluateCalibration</c> returns.</summary>
/// <remarks>
/// Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, equations 3 and 5. Confidence is the largest probability of a row. Rows are divided by it into bins of equal width, (m−1)/M &lt; confidence ≤ m/M,
/// and in each the mean confidence is compared with the accuracy: of rows with confidence .8, four of five should be right.
/// </remarks>
public sealed class CalibrationMetrics
{
    internal CalibrationMetrics()
    {
    }

    /// <summary>Mean over the rows of the difference between accuracy and mean confidence of their bin: Σ_m |B_m| / N · |acc(B_m) − conf(B_m)|.</summary>
    /// <value>From 0, the best, to 1. It depends on the number of bins.</value>
    public double ExpectedCalibrationError { get; internal init; }

    /// <summary>The largest such difference of any bin with rows.</summary>
    /// <value>From 0, the best, to 1. Bins with few rows make it large by chance.</value>
    public double MaximumCalibrationError { get; internal init; }

    /// <summary>Mean over the rows of Σ_c (p_c − y_c)², where y is 1 for the right class and 0 for the others.</summary>
    /// <value>From 0, the best, to 2. For two classes it is twice what is often given.</value>
    /// <remarks>Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 1950.</remarks>
    public double BrierScore { get; internal init; }

    /// <summary>Rows that were measured.</summary>
    /// <value>At least 1.</value>
    public long Count { get; internal init; }

    /// <summary>Rows that were left out, because their label is missing or a probability is not a number.</summary>
    public long SkippedCount { get; internal init; }

    /// <summary>All bins, those without rows too, in the order of confidence: the numbers of a reliability diagram.</summary>
    public IReadOnlyList<CalibrationBin> Bins { get; internal init; } = [];

    /// <summary>The metrics as a table with a line for each bin that has rows.</summary>
    public override string ToString() => string.Join(
        Environment.NewLine,
        TextTable.Format(
            ["confidence up to", "rows", "mean confidence", "accuracy"],
            Bins.Where(bin => bin.Count > 0).Select(bin => new object[] { FormattableString.Invariant($"{bin.UpperBound:F3}"), bin.Count, bin.MeanConfidence, bin.Accuracy })),
        FormattableString.Invariant(
            $"expected calibration error {ExpectedCalibrationError:F3}, maximum {MaximumCalibrationError:F3}, Brier score {BrierScore:F3}, {Count} rows, {SkippedCount} left out"));
}
