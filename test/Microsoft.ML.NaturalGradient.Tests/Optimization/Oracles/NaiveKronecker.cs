namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>One Kronecker-factored block, number by number: the factors as sums over samples and positions, the system as a dense matrix of all weights.</summary>
/// <param name="inputs">ā, [N][T][I], with the 1 of a bias.</param>
/// <param name="errors">e, [N][T][O].</param>
internal sealed class NaiveKronecker(double[][][] inputs, double[][][] errors)
{
    private int SampleCount => inputs.Length;

    private int PositionCount => inputs[0].Length;

    private int Width => inputs[0][0].Length;

    private int Height => errors[0][0].Length;

    /// <summary>A = (1/(N·T)) Σ ā āᵀ over samples and positions; reduced: (1/N) Σ of the means over positions.</summary>
    public double[,] InputFactor(bool reduce)
    {
        var rows = reduce
            ? inputs.Select(sample => Enumerable.Range(0, Width).Select(i => sample.Sum(position => position[i]) / PositionCount).ToArray()).ToArray()
            : [.. inputs.SelectMany(sample => sample)];
        return Products(rows, 1.0 / rows.Length);
    }

    /// <summary>G = Σ e eᵀ over samples and positions; reduced: of the sums over positions. Both for the sum of the losses.</summary>
    public double[,] ErrorFactor(bool reduce)
    {
        var rows = reduce
            ? errors.Select(sample => Enumerable.Range(0, Height).Select(o => sample.Sum(position => position[o])).ToArray()).ToArray()
            : [.. errors.SelectMany(sample => sample)];
        return Products(rows, 1);
    }

    /// <summary>The gradient of the summed loss, Σ e āᵀ, row by row.</summary>
    public double[] Gradient()
    {
        var gradient = new double[Height * Width];
        for (var n = 0; n < SampleCount; n++)
        {
            for (var t = 0; t < PositionCount; t++)
            {
                for (var o = 0; o < Height; o++)
                {
                    for (var i = 0; i < Width; i++)
                    {
                        gradient[(o * Width) + i] += errors[n][t][o] * inputs[n][t][i];
                    }
                }
            }
        }

        return gradient;
    }

    /// <summary>Solves (A ⊗ G + λI) d = g with the matrix of all weights; entry ((o,i), (p,j)) is G[o,p]·A[i,j].</summary>
    public double[] SolveExact(double[,] input, double[,] error, double damping) => SolveDense(input, error, (0, 0), damping);

    /// <summary>Solves (A + π√λ I) ⊗ (G + √λ/π I) d = g with π² = (tr A / dim A) / (tr G / dim G).</summary>
    public double[] SolveFactored(double[,] input, double[,] error, double damping)
    {
        var pi = Math.Sqrt(Trace(input) / Width / (Trace(error) / Height));
        return SolveDense(input, error, (pi * Math.Sqrt(damping), Math.Sqrt(damping) / pi), 0);
    }

    public static double Trace(double[,] matrix) => Enumerable.Range(0, matrix.GetLength(0)).Sum(i => matrix[i, i]);

    private double[] SolveDense(double[,] input, double[,] error, (double Input, double Error) shift, double damping)
    {
        var size = Height * Width;
        var matrix = new double[size, size];
        for (var row = 0; row < size; row++)
        {
            for (var column = 0; column < size; column++)
            {
                var (o, i, p, j) = (row / Width, row % Width, column / Width, column % Width);
                matrix[row, column] = (error[o, p] + (o == p ? shift.Error : 0)) * (input[i, j] + (i == j ? shift.Input : 0))
                    + (row == column ? damping : 0);
            }
        }

        return NaiveLinearSystem.Solve(matrix, Gradient());
    }

    private static double[,] Products(double[][] rows, double scale)
    {
        var size = rows[0].Length;
        var matrix = new double[size, size];
        foreach (var row in rows)
        {
            for (var i = 0; i < size; i++)
            {
                for (var j = 0; j < size; j++)
                {
                    matrix[i, j] += scale * row[i] * row[j];
                }
            }
        }

        return matrix;
    }
}
