using Microsoft.ML.NaturalGradient.Checkpoints;
using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Decodes pictures: JPEG, PNG, WebP, BMP and the first frame of GIF, upright as EXIF says, in 8 bits a channel.</summary>
/// <remarks>
/// Transparency is left out, not blended, as the reference processors do. Colour profiles are not applied, for the same reason.
/// Every problem of a picture is an exception of which <see cref="IsUnreadable"/> holds and whose message begins with the picture's name.
/// </remarks>
internal static class ImageDecoder
{
    /// <summary>The usual limit of pixels: pictures beyond it are refused before they are decoded.</summary>
    public const long DefaultMaxPixels = 100_000_000;

    /// <summary>The highest limit of pixels that can be set: four bytes a pixel must stay addressable.</summary>
    public const long HighestMaxPixels = 500_000_000;

    private const int LongestSide = 100_000; // beyond it, a line of pixels would need more memory to resize than a square
    private const int HeaderBytes = 256 * 1024;

    /// <summary>Whether an exception says that one picture cannot be read, so that others may go on.</summary>
    public static bool IsUnreadable(Exception exception) =>
        exception is InvalidDataException or IOException or UnauthorizedAccessException;

    /// <summary>Decodes a file's content.</summary>
    /// <param name="bytes">The content.</param>
    /// <param name="name">The picture in words that begin a sentence, for example "The picture of row 3".</param>
    /// <param name="maxPixels">Most pixels, as the header tells them.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="InvalidDataException">It cannot be decoded, or is larger than the limit.</exception>
    public static RgbImage Decode(byte[] bytes, string name, long maxPixels = DefaultMaxPixels)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        using var codec = Open(bytes, name, maxPixels);
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        using var bitmap = new SKBitmap();
        if (!bitmap.TryAllocPixels(info))
        {
            throw Unreadable(name, $"needs more memory than there is to decode {Size(info)} pixels", "Use a smaller picture.");
        }
        var result = codec.GetPixels(info, bitmap.GetPixels());
        return result switch
        {
            SKCodecResult.Success => EncodedOrientation.Upright(
                PixelsOf(bitmap), info.Width, info.Height, bitmap.RowBytes, ExifOrientation.Of(bytes, codec), isBlueFirst: false),
            SKCodecResult.IncompleteInput => throw Unreadable(
                name, $"is cut off: its {codec.EncodedFormat} data end early", "Fetch the file again."),
            _ => throw Unreadable(name, $"is damaged: its {codec.EncodedFormat} data cannot be decoded ({result})", "Fetch the file again."),
        };
    }

    /// <summary>Decodes a file.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="maxPixels">Most pixels, as the header tells them.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It cannot be decoded, or is larger than the limit.</exception>
    public static RgbImage DecodeFile(string path, long maxPixels = DefaultMaxPixels) => Decode(ReadFile(path, int.MaxValue), NameOf(path), maxPixels);

    /// <summary>Looks at a file's header only: whether it is a picture of an accepted size.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="maxPixels">Most pixels.</param>
    /// <remarks>Throws what <see cref="DecodeFile"/> would throw, but does not see that a file is cut off behind its header.</remarks>
    public static void CheckHeader(string path, long maxPixels = DefaultMaxPixels)
    {
        var start = ReadFile(path, HeaderBytes);
        try
        {
            Open(start, NameOf(path), maxPixels).Dispose();
        }
        catch (InvalidDataException) when (start.Length == HeaderBytes)
        {
            Open(ReadFile(path, int.MaxValue), NameOf(path), maxPixels).Dispose(); // some headers need the whole file
        }
    }

    /// <summary>Refuses a picture that is too large, or has no pixels.</summary>
    /// <param name="width">Its width.</param>
    /// <param name="height">Its height.</param>
    /// <param name="name">The picture in words that begin a sentence.</param>
    /// <param name="maxPixels">Most pixels.</param>
    /// <exception cref="InvalidDataException">It is larger than the limit.</exception>
    public static void CheckSize(int width, int height, string name, long maxPixels)
    {
        if (width <= 0 || height <= 0)
        {
            throw Unreadable(name, FormattableString.Invariant($"has no pixels ({width} x {height})"), "Fetch the file again.");
        }
        if (Math.Max(width, height) > LongestSide)
        {
            throw Unreadable(
                name, FormattableString.Invariant($"has {width} x {height} pixels; no side may be longer than {LongestSide}"), "Use a smaller picture.");
        }
        if ((long)width * height > Math.Min(maxPixels, HighestMaxPixels))
        {
            throw Unreadable(
                name, FormattableString.Invariant($"has {width} x {height} pixels, more than the limit of {Math.Min(maxPixels, HighestMaxPixels)}"),
                "Use a smaller picture, or raise MaxPixels if it comes from where you trust.");
        }
    }

    /// <summary>The error of a picture that cannot be read.</summary>
    public static InvalidDataException Unreadable(string name, string problem, string advice) => new($"{name} {problem}. {advice}");

    // GetPixelSpan has another signature in SkiaSharp 3, which an application may use beside this library, for example for charts.
    private static unsafe ReadOnlySpan<byte> PixelsOf(SKBitmap bitmap) =>
        new((void*)bitmap.GetPixels(), bitmap.RowBytes * bitmap.Height);

    private static SKCodec Open(byte[] bytes, string name, long maxPixels)
    {
        if (bytes.Length == 0)
        {
            throw Unreadable(name, "is empty (zero bytes)", "Fetch the file again, or remove it.");
        }
        using var data = SKData.CreateCopy(bytes);
        var codec = SKCodec.Create(data) ?? throw Unreadable(
            name, "is not a picture that can be read, or its header is damaged",
            "Use JPEG, PNG, WebP, BMP or GIF, and fetch the file again if it should be one.");
        try
        {
            CheckSize(codec.Info.Width, codec.Info.Height, name, maxPixels);
            return codec;
        }
        catch
        {
            codec.Dispose();
            throw;
        }
    }

    private static byte[] ReadFile(string path, int mostBytes)
    {
        if (string.IsNullOrWhiteSpace(path))
        {
            throw new InvalidDataException("A picture has an empty path. Remove the row, or write the path of a file.");
        }
        try
        {
            if (RegularFile.IsEmpty(path))
            {
                return []; // also a pipe, for whose writer opening it would wait
            }
            using var file = File.OpenHandle(path, options: FileOptions.SequentialScan);
            var bytes = new byte[Math.Min(RandomAccess.GetLength(file), Math.Min(mostBytes, Array.MaxLength))];
            var length = 0;
            for (int read; (read = RandomAccess.Read(file, bytes.AsSpan(length), length)) > 0;)
            {
                length += read;
            }
            return length == bytes.Length ? bytes : bytes[..length];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new FileNotFoundException($"{NameOf(path)} does not exist. Check the path, which is relative to the current folder if it is not absolute.", path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new IOException($"{NameOf(path)} cannot be read: {e.Message} Check the path and its permissions.", e);
        }
    }

    private static string NameOf(string path) => $"The picture '{path}'";

    private static string Size(SKImageInfo info) => FormattableString.Invariant($"{info.Width} x {info.Height}");
}
