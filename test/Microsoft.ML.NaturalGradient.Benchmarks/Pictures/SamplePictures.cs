using Microsoft.ML.NaturalGradient.Imaging;
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

    /// <summary>The processor of the default encoder: the shorter side to 256 at 224 pixels, bicubic, then the centre.</summary>
    /// <param name="size">Width and height of the result.</param>
    public static ImagePreprocessor Preprocessor(int size) => new(
        new ImageSizing { ShortestEdge = size * 8 / 7, CropWidth = size, CropHeight = size },
        ResampleFilter.Bicubic, 1 / 255.0, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);

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
