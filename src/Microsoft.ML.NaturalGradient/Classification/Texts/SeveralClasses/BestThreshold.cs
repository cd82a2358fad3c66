namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The threshold of a class with the highest F1.</summary>
internal static class BestThreshold
{
    /// <summary>Finds it.</summary>
    /// <remarks>
    /// Of every division of the rows by their scores, F1 = 2 tp / (2 tp + fp + fn). The threshold lies in the middle between the scores that it divides; where several are as good, the
    /// one nearest to the usual is taken.
    /// </remarks>
    /// <param name="rows">The rows.</param>
    /// <param name="usual">What is returned where no row has the class.</param>
    public static float Of(IReadOnlyCollection<RankedRow> rows, float usual)
    {
        var positives = rows.Where(row => row.IsTrue).Sum(row => row.Weight);
        if (positives == 0)
        {
            return usual;
        }

        var groups = rows.GroupBy(row => row.Score).OrderByDescending(group => group.Key).ToArray();
        var (right, predicted, best, threshold) = (0.0, 0.0, -1.0, usual);
        for (var i = 0; i < groups.Length; i++)
        {
            right += groups[i].Where(row => row.IsTrue).Sum(row => row.Weight);
            predicted += groups[i].Sum(row => row.Weight);
            var f1 = 2 * right / (predicted + positives);
            var below = i + 1 < groups.Length ? groups[i + 1].Key : 0;
            var middle = (groups[i].Key + below) / 2;
            middle = middle > below ? middle : groups[i].Key; // neighbours in float32 have nothing between them
            if (f1 > best || (f1 == best && Math.Abs(middle - usual) < Math.Abs(threshold - usual)))
            {
                (best, threshold) = (f1, middle);
            }
        }

        return threshold;
    }
}
