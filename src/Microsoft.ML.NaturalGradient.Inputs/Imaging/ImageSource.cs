namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>A picture of one row before it is decoded: bytes, a path, or pixels.</summary>
internal sealed class ImageSource
{
    private readonly Func<long, RgbImage> _decode;
    private readonly bool _isPrepared;

    private ImageSource(Func<long, RgbImage> decode, bool holdsPixels = false, bool isPrepared = false)
    {
        _decode = decode;
        HoldsPixels = holdsPixels;
        _isPrepared = isPrepared;
    }

    /// <summary>Whether it holds decoded pixels, of which not many should wait.</summary>
    public bool HoldsPixels { get; }

    /// <summary>A picture in a file.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="row">Row from 0, for messages.</param>
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
    /// <param name="row">Row from 0, for messages.</param>
    public static ImageSource FromBytes(byte[] bytes, long row) => new(maxPixels => ImageDecoder.Decode(bytes, NameOf(row), maxPixels));

    /// <summary>A picture whose pixels are copied at once.</summary>
    /// <param name="copy">Copies them.</param>
    public static ImageSource FromPixels(Func<RgbImage> copy)
    {
        try
        {
            var pixels = copy();
            return new ImageSource(_ => pixels, holdsPixels: true);
        }
        catch (InvalidDataException e)
        {
            return new ImageSource(_ => throw e);
        }
    }

    /// <summary>Decodes and prepares the picture; may be called on any thread.</summary>
    /// <param name="prepare">Makes the decoded picture smaller.</param>
    /// <param name="maxPixels">Most pixels.</param>
    /// <returns>The prepared picture.</returns>
    /// <remarks>Throws an exception of which <see cref="ImageDecoder.IsUnreadable"/> holds if the picture cannot be read.</remarks>
    public RgbImage Read(Func<RgbImage, RgbImage> prepare, long maxPixels)
    {
        var image = _decode(maxPixels);
        return _isPrepared ? image : prepare(image);
    }

    /// <summary>Prepares the picture at once, so that fewer pixels have to be kept; errors come when it is read.</summary>
    /// <param name="prepare">What <see cref="Read"/> would be called with.</param>
    /// <param name="maxPixels">Most pixels.</param>
    /// <returns>The same picture, prepared.</returns>
    public ImageSource PrepareNow(Func<RgbImage, RgbImage> prepare, long maxPixels)
    {
        try
        {
            var prepared = Read(prepare, maxPixels);
            return new ImageSource(_ => prepared, isPrepared: true);
        }
        catch (Exception e) when (ImageDecoder.IsUnreadable(e))
        {
            return new ImageSource(_ => throw e, isPrepared: true);
        }
    }

    /// <summary>What messages call the picture of a row; as all messages do, they count rows from 1.</summary>
    /// <param name="row">Row from 0.</param>
    public static string NameOf(long row) => FormattableString.Invariant($"The picture of row {row + 1}");
}
