namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Disentangled attention of one text, written as the paper's sums (He et al., ICLR 2021, eqs. (3) and (4)), number by number.</summary>
/// <param name="heads">Heads H.</param>
/// <param name="terms">Which of c2p and p2c there are.</param>
/// <param name="row">Row of the table for the distance i − j.</param>
internal sealed class NaiveDisentangledAttention(int heads, IReadOnlyCollection<string> terms, Func<int, int> row)
{
    /// <param name="query">Q_c, [T][D].</param>
    /// <param name="key">K_c.</param>
    /// <param name="value">V.</param>
    /// <param name="relativeQuery">Q_r, [2·S][D].</param>
    /// <param name="relativeKey">K_r.</param>
    /// <returns>[T][D].</returns>
    public double[][] Attend(double[][] query, double[][] key, double[][] value, double[][] relativeQuery, double[][] relativeKey)
    {
        var (tokens, size) = (query.Length, query[0].Length / heads);
        var result = query.Select(vector => new double[vector.Length]).ToArray();
        for (var head = 0; head < heads; head++)
        {
            for (var i = 0; i < tokens; i++)
            {
                var scores = Enumerable.Range(0, tokens).Select(j => Math.Exp(Score(i, j) / Math.Sqrt(size * (1 + terms.Count)))).ToArray();
                for (var c = head * size; c < (head + 1) * size; c++)
                {
                    result[i][c] = Enumerable.Range(0, tokens).Sum(j => scores[j] * value[j][c]) / scores.Sum();
                }
            }

            double Score(int i, int j) => Inner(query[i], key[j])
                + (terms.Contains("c2p") ? Inner(query[i], relativeKey[row(i - j)]) : 0)
                + (terms.Contains("p2c") ? Inner(key[j], relativeQuery[row(i - j)]) : 0);

            double Inner(double[] a, double[] b) => Enumerable.Range(head * size, size).Sum(c => a[c] * b[c]);
        }

        return result;
    }
}
