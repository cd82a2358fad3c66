namespace TextTasksSample;

/// <summary>Precision against recall, for each place where a threshold can be.</summary>
internal static class PrecisionRecall
{
    /// <summary>Computes the points of the curve, the highest threshold first.</summary>
    /// <param name="rows">For each row whether it has the class, and its score. Rows with equal scores are on one side of every threshold.</param>
    /// <returns>Recall and precision; none if no row has the class.</returns>
    public static IReadOnlyList<(double Recall, double Precision)> Curve(IReadOnlyList<(bool HasClass, float Score)> rows)
    {
        List<(double, double)> points = [];
        var all = rows.Count(row => row.HasClass);
        if (all == 0)
        {
            return points;
        }

        var (right, seen) = (0, 0);
        foreach (var equal in rows.GroupBy(row => row.Score).OrderByDescending(group => group.Key))
        {
            right += equal.Count(row => row.HasClass);
            seen += equal.Count();
            points.Add(((double)right / all, (double)right / seen));
        }

        return points;
    }
}
