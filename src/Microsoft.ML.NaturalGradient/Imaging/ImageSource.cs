using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>A picture of one row before it is decoded: bytes, a path, or pixels.</summary>
internal sealed class ImageSource
{
    private readonly Func<long, RgbImage> _decode;

    private ImageSource(Func<long, RgbImage> decode) => _decode = decode;

    /// <summary>A picture in a file.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="row">Row, for messages.</param>
    public static ImageSource FromFile(ReadOnlyMemory<char> path, long row)
    {
        if (path.Span.IsWhiteSpace())
        {
            return new ImageSource(_ => throw new InvalidDataException(
                $"{NameOf(row)} has no path. Remove the row, or write the path of a file."));
        }
        var file = path.ToString();
        return new ImageSource(maxPixels => ImageDecoder.DecodeFile(file, maxPixels));
    }

    /// <summary>The encoded bytes of a picture.</summary>
    /// <param name="bytes">A file's content; kept.</param>
    /// <param name="row">Row, for messages.</param>
    public static ImageSource FromBytes(byte[] bytes, long row) => new(maxPixels => ImageDecoder.Decode(bytes, NameOf(row), maxPixels));

    /// <summary>ML.NET's picture, whose pixels are copied at once, since a cursor uses it again for the next row.</summary>
    /// <param name="image">The picture; stays the caller's.</param>
    /// <param name="row">Row, for messages.</param>
    /// <param name="maxPixels">Most pixels.</param>
    public static ImageSource FromMLImage(MLImage? image, long row, long maxPixels = ImageDecoder.DefaultMaxPixels)
    {
        try
        {
            var copy = ImageDecoder.FromMLImage(image, NameOf(row), maxPixels);
            return new ImageSource(_ => copy);
        }
        catch (InvalidDataException e)
        {
            return new ImageSource(_ => throw e);
        }
    }

    /// <summary>Decodes the picture; may be called on any thread.</summary>
    /// <param name="maxPixels">Most pixels.</param>
    /// <returns>The picture.</returns>
    /// <remarks>Throws an exception of which <see cref="ImageDecoder.IsUnreadable"/> holds if the picture cannot be read.</remarks>
    public RgbImage Decode(long maxPixels) => _decode(maxPixels);

    private static string NameOf(long row) => FormattableString.Invariant($"The picture of row {row}");
}
