using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Antialiased resizing of one axis in float64, not rounded: every source pixel is asked for its weight.</summary>
internal static class NaiveResampler
{
    /// <summary>Values of the pixels when the rows get another length, in the order of a picture's bytes.</summary>
    public static double[] ResizeRows(RgbImage image, int width, ResampleFilter filter) =>
        Resize(width, image.Height, image.Width, width, filter, i => i.X, (i, j) => image.Pixels[(((i.Y * image.Width) + j) * 3) + i.Channel]);

    /// <summary>Values of the pixels when the columns get another length.</summary>
    public static double[] ResizeColumns(RgbImage image, int height, ResampleFilter filter) =>
        Resize(image.Width, height, image.Height, height, filter, i => i.Y, (i, j) => image.Pixels[(((j * image.Width) + i.X) * 3) + i.Channel]);

    private static double[] Resize(
        int width, int height, int source, int target, ResampleFilter filter,
        Func<(int X, int Y, int Channel), int> position, Func<(int X, int Y, int Channel), int, byte> value)
    {
        var scale = (double)source / target;
        var stretch = Math.Max(1, scale);
        return [.. Enumerable.Range(0, width * height * 3).Select(n =>
        {
            var i = (n / 3 % width, n / 3 / width, n % 3);
            var centre = (position(i) + 0.5) * scale;
            double sum = 0, total = 0;
            for (var j = 0; j < source; j++)
            {
                var weight = Kernel((j + 0.5 - centre) / stretch, filter);
                sum += weight * value(i, j);
                total += weight;
            }
            return Math.Clamp(sum / total, 0, 255);
        })];
    }

    // Bilinear: 1 - |x|. Bicubic, a = -1/2: (a+2)|x|^3 - (a+3)|x|^2 + 1 up to 1; a|x|^3 - 5a|x|^2 + 8a|x| - 4a up to 2.
    private static double Kernel(double x, ResampleFilter filter)
    {
        const double a = -0.5;
        x = Math.Abs(x);
        return filter == ResampleFilter.Bilinear ? Math.Max(0, 1 - x)
            : x < 1 ? ((a + 2) * Math.Pow(x, 3)) - ((a + 3) * Math.Pow(x, 2)) + 1
            : x < 2 ? (a * Math.Pow(x, 3)) - (5 * a * Math.Pow(x, 2)) + (8 * a * x) - (4 * a)
            : 0;
    }
}
