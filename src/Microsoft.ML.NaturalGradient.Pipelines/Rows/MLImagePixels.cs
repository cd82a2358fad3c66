using System.Runtime.CompilerServices;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Imaging;
using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Reads ML.NET's pictures.</summary>
internal static class MLImagePixels
{
    /// <summary>A picture of a row, whose pixels are copied at once, since a cursor uses it again for the next row.</summary>
    /// <param name="image">The picture; stays the caller's.</param>
    /// <param name="row">Row, for messages.</param>
    /// <param name="maxPixels">Most pixels.</param>
    public static ImageSource Source(MLImage? image, long row, long maxPixels = ImageDecoder.DefaultMaxPixels) =>
        ImageSource.FromPixels(() => Copy(image, ImageSource.NameOf(row), maxPixels));

    /// <summary>Copies the pixels of a picture.</summary>
    /// <param name="image">The picture; stays the caller's, and may be disposed afterwards.</param>
    /// <param name="name">The picture in words that begin a sentence.</param>
    /// <param name="maxPixels">Most pixels.</param>
    /// <returns>The picture; alpha is left out.</returns>
    /// <exception cref="InvalidDataException">It is missing or disposed, or has an unknown arrangement of its pixels, or is larger than the limit.</exception>
    public static RgbImage Copy(MLImage? image, string name, long maxPixels = ImageDecoder.DefaultMaxPixels)
    {
        if (image is null)
        {
            throw ImageDecoder.Unreadable(name, "is missing", "Remove the row, or check the column that should hold its picture.");
        }

        CheckSize(image, name, maxPixels);
        var isBlueFirst = image.PixelFormat switch
        {
            MLPixelFormat.Bgra32 => true,
            MLPixelFormat.Rgba32 => false,
            _ => throw ImageDecoder.Unreadable(name, $"has pixels of the format {image.PixelFormat}", "Use Bgra32 or Rgba32."),
        };
        var pixels = Pixels(image);
        var copy = EncodedOrientation.Upright(
            pixels, image.Width, image.Height, pixels.Length / image.Height, orientation: 1, isBlueFirst);
        GC.KeepAlive(image); // the span does not keep the picture's native memory
        return copy;
    }

    /// <summary>The pixels as the picture's own bitmap has them.</summary>
    /// <param name="image">The picture; has to live as long as the pixels are read.</param>
    internal static unsafe ReadOnlySpan<byte> BitmapPixels(MLImage image)
    {
        var bitmap = Bitmap(image);
        return new ReadOnlySpan<byte>((void*)bitmap.GetPixels(), bitmap.ByteCount);
    }

    private static ReadOnlySpan<byte> Pixels(MLImage image)
    {
        try
        {
            return image.Pixels;
        }
        catch (MissingMethodException) // ML.NET 5.0 asks SkiaSharp for a method that SkiaSharp 3 does not have
        {
            return BitmapPixels(image);
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_image")]
    private static extern ref SKBitmap Bitmap(MLImage image);

    private static void CheckSize(MLImage image, string name, long maxPixels)
    {
        try
        {
            ImageDecoder.CheckSize(image.Width, image.Height, name, maxPixels);
        }
        catch (InvalidOperationException) // ML.NET's word for a disposed picture
        {
            throw ImageDecoder.Unreadable(name, "was disposed before it was read", "Keep pictures until what reads them has ended.");
        }
    }
}
