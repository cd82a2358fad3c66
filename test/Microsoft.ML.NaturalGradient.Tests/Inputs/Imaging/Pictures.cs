using Microsoft.ML.NaturalGradient.Imaging;
using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

/// <summary>Pictures to decode.</summary>
internal static class Pictures
{
    /// <summary>A smooth picture without symmetry.</summary>
    public static RgbImage Smooth(int width, int height) => FromPixels(
        width, height, (x, y) => ((byte)(40 + (180.0 * x / width)), (byte)(20 + (200.0 * y / height)), (byte)(230 - (150.0 * (x + y) / (width + height)))));

    /// <summary>Random pixels.</summary>
    public static RgbImage Noise(int width, int height, int seed)
    {
        var pixels = new byte[width * height * 3];
        new Random(seed).NextBytes(pixels);
        return new RgbImage(width, height, pixels);
    }

    public static RgbImage FromPixels(int width, int height, Func<int, int, (byte Red, byte Green, byte Blue)> color)
    {
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < width * height; i++)
        {
            (pixels[3 * i], pixels[(3 * i) + 1], pixels[(3 * i) + 2]) = color(i % width, i / width);
        }
        return new RgbImage(width, height, pixels);
    }

    public static byte[] Encode(RgbImage image, SKEncodedImageFormat format, int quality = 100)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Pixels = [.. Enumerable.Range(0, image.Width * image.Height).Select(
            i => new SKColor(image.Pixels[3 * i], image.Pixels[(3 * i) + 1], image.Pixels[(3 * i) + 2]))];
        using var data = bitmap.Encode(format, quality);
        return data.ToArray();
    }

    public static int LargestDifference(RgbImage expected, RgbImage actual)
    {
        Assert.AreEqual((expected.Width, expected.Height), (actual.Width, actual.Height));
        return expected.Pixels.Zip(actual.Pixels).Max(pair => Math.Abs(pair.First - pair.Second));
    }

    public static void AssertSame(RgbImage expected, RgbImage actual) => Assert.AreEqual(0, LargestDifference(expected, actual));

    /// <summary>A part of a picture.</summary>
    public static RgbImage Cut(RgbImage image, PixelBox part) => FromPixels(part.Width, part.Height, (x, y) => At(image, part.X + x, part.Y + y));

    public static (byte Red, byte Green, byte Blue) At(RgbImage image, int x, int y)
    {
        var at = 3 * ((y * image.Width) + x);
        return (image.Pixels[at], image.Pixels[at + 1], image.Pixels[at + 2]);
    }

    public static string FixturePath(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "images", name);
}
