namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Linear systems by Gaussian elimination with row exchanges.</summary>
internal static class NaiveLinearSystem
{
    /// <summary>Solves M x = b.</summary>
    public static double[] Solve(double[,] matrix, double[] right)
    {
        var size = right.Length;
        var (m, b) = ((double[,])matrix.Clone(), (double[])right.Clone());
        for (var k = 0; k < size; k++)
        {
            var pivot = Enumerable.Range(k, size - k).MaxBy(row => Math.Abs(m[row, k]));
            for (var column = 0; column < size; column++)
            {
                (m[k, column], m[pivot, column]) = (m[pivot, column], m[k, column]);
            }

            (b[k], b[pivot]) = (b[pivot], b[k]);
            for (var row = k + 1; row < size; row++)
            {
                var factor = m[row, k] / m[k, k];
                b[row] -= factor * b[k];
                for (var column = k; column < size; column++)
                {
                    m[row, column] -= factor * m[k, column];
                }
            }
        }

        var x = new double[size];
        for (var row = size - 1; row >= 0; row--)
        {
            x[row] = (b[row] - Enumerable.Range(row + 1, size - row - 1).Sum(column => m[row, column] * x[column])) / m[row, row];
        }

        return x;
    }
}
