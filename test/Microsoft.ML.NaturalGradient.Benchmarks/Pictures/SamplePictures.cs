using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>Pictures of the size and the detail of photographs in data sets, made here.</summary>
internal static class SamplePictures
{
    private const int Width = 500;
    private const int Height = 375;
    private const int Quality = 90;
    private const int Noise = 24;

    /// <summary>Makes JPEG files of 500 × 375 pixels: waves of colour with noise, about 100 kB each.</summary>
    /// <param name="count">How many.</param>
    /// <returns>The files' contents.</returns>
    public static byte[][] Jpegs(int count) => [.. Enumerable.Range(0, count).Select(Jpeg)];

    private static byte[] Jpeg(int seed)
    {
        var random = new Random(seed);
        var (across, down) = (0.01 + (0.05 * random.NextDouble()), 0.01 + (0.05 * random.NextDouble()));
        var colors = new SKColor[Width * Height];
        for (var i = 0; i < colors.Length; i++)
        {
            var (x, y) = (i % Width, i / Width);
            var noise = random.Next(Noise);
            colors[i] = new SKColor(Wave(across * x, noise), Wave(down * y, noise), Wave((across * x) + (down * y), noise));
        }

        using var bitmap = new SKBitmap(Width, Height);
        bitmap.Pixels = colors;
        using var data = bitmap.Encode(SKEncodedImageFormat.Jpeg, Quality);
        return data.ToArray();
    }

    private static byte Wave(double angle, int noise) => (byte)(115 + (115 * Math.Sin(angle)) + noise);
}
