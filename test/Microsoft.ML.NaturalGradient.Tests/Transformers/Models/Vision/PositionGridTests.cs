using Microsoft.ML.NaturalGradient.Models.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

[TestClass]
public sealed class PositionGridTests
{
    [TestMethod]
    [DataRow(5, 5)]
    [DataRow(7, 2)]
    [DataRow(1, 9)]
    public void Resize_AnySize_EqualsNaiveBicubic(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var table = Fixture.Sine(1, 0.9, 0.3, 1, 2 + 16, 3);

        var resized = PositionGrid.Resize(table, 2, rows, columns);

        CollectionAssert.AreEqual(new long[] { 1, 2 + (rows * columns), 3 }, resized.shape);
        Fixture.AssertClose(table[.., ..2], resized[.., ..2], 0, 0);
        for (var d = 0; d < 3; d++)
        {
            for (var (row, column) = (0, 0); row < rows; (row, column) = column + 1 < columns ? (row, column + 1) : (row + 1, 0))
            {
                var expected = Naive((r, c) => table[0, 2 + (4 * r) + c, d].item<double>(), 4, (row + 0.5) * 4 / rows, (column + 0.5) * 4 / columns);
                Assert.AreEqual(expected, resized[0, 2 + (columns * row) + column, d].item<double>(), 1e-12);
            }
        }
    }

    [TestMethod]
    [DataRow(5, 5)]
    [DataRow(7, 2)]
    public void Map_TimesTable_EqualsResize(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var table = Fixture.Sine(1, 0.9, 0.3, 1, 1 + 9, 4);

        var map = PositionGrid.Map(table, 1, rows, columns);

        Fixture.AssertClose(PositionGrid.Resize(table, 1, rows, columns)[0], map.mm(table[0]), 1e-12, 1e-14);
    }

    /// <summary>Keys' cubic convolution with a = −0.75 at a point in units of cells, cells beyond the border repeated.</summary>
    private static double Naive(Func<int, int, double> cells, int size, double y, double x)
    {
        var (top, left) = ((int)Math.Floor(y - 0.5), (int)Math.Floor(x - 0.5));
        var sum = 0.0;
        for (var r = top - 1; r <= top + 2; r++)
        {
            for (var c = left - 1; c <= left + 2; c++)
            {
                var weight = Kernel(y - 0.5 - r) * Kernel(x - 0.5 - c);
                sum += weight * cells(Math.Clamp(r, 0, size - 1), Math.Clamp(c, 0, size - 1));
            }
        }

        return sum;
    }

    private static double Kernel(double distance)
    {
        const double a = -0.75;
        var d = Math.Abs(distance);
        return d <= 1
            ? ((a + 2) * d * d * d) - ((a + 3) * d * d) + 1
            : d < 2 ? (a * d * d * d) - (5 * a * d * d) + (8 * a * d) - (4 * a) : 0;
    }
}
