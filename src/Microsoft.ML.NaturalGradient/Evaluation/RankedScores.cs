using System.Runtime.InteropServices;

namespace Microsoft.ML.NaturalGradient.Evaluation;

/// <summary>The scores that the rows have for one class.</summary>
internal sealed class RankedScores
{
    private readonly List<float> _positive = [];
    private readonly List<float> _negative = [];

    /// <summary>Adds a row.</summary>
    /// <param name="score">Its score; what is not a number comes after all others.</param>
    /// <param name="isPositive">Whether it is of the class.</param>
    public void Add(float score, bool isPositive) => (isPositive ? _positive : _negative).Add(float.IsNaN(score) ? float.NegativeInfinity : score);

    /// <summary>Average precision.</summary>
    /// <remarks>
    /// Σ_n (R_n − R_(n−1)) P_n, where P_n and R_n are precision and recall of the rows whose score is at least the n-th largest of the different scores: rows with equal scores are taken together,
    /// and nothing is interpolated. As scikit-learn's <c>average_precision_score</c>. Only thresholds at scores of positive rows add anything. Cost: sorting.
    /// </remarks>
    /// <returns>From 0 to 1; not a number where no row is of the class.</returns>
    public double AveragePrecision()
    {
        var positive = CollectionsMarshal.AsSpan(_positive);
        var negative = CollectionsMarshal.AsSpan(_negative);
        positive.Sort(Descending);
        negative.Sort(Descending);
        var (sum, above, others) = (0.0, 0, 0);
        while (above < positive.Length)
        {
            var (score, before) = (positive[above], above);
            while (above < positive.Length && positive[above] == score)
            {
                above++;
            }

            while (others < negative.Length && negative[others] >= score)
            {
                others++;
            }

            sum += (above - before) * ((double)above / (above + others));
        }

        return sum / positive.Length;
    }

    private static int Descending(float left, float right) => right.CompareTo(left);
}
