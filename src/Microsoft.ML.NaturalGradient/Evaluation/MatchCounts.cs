namespace Microsoft.ML.NaturalGradient.Evaluation;

/// <summary>How many things there are, how many were predicted, and how many of the predictions are right.</summary>
/// <remarks>
/// precision = correct / predicted, recall = correct / actual, F1 = 2 · correct / (actual + predicted), their harmonic mean; 0 in place of 0 / 0.
/// </remarks>
internal sealed class MatchCounts
{
    /// <summary>How many there are.</summary>
    public long Actual { get; set; }

    /// <summary>How many were predicted.</summary>
    public long Predicted { get; set; }

    /// <summary>How many predictions are right.</summary>
    public long Correct { get; set; }

    /// <summary>Share of the predictions that are right.</summary>
    public double Precision => Divide(Correct, Predicted);

    /// <summary>Share of what there is that was found.</summary>
    public double Recall => Divide(Correct, Actual);

    /// <summary>Harmonic mean of both.</summary>
    public double F1 => Divide(2 * Correct, Actual + Predicted);

    /// <summary>Adds others up.</summary>
    /// <param name="parts">The others; not modified.</param>
    public static MatchCounts Sum(IEnumerable<MatchCounts> parts)
    {
        var sum = new MatchCounts();
        foreach (var part in parts)
        {
            sum.Actual += part.Actual;
            sum.Predicted += part.Predicted;
            sum.Correct += part.Correct;
        }

        return sum;
    }

    private static double Divide(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
