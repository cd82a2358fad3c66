using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Reads the picture of the current row, without decoding it.</summary>
internal sealed class ImageGetter
{
    private readonly DataViewRow _row;
    private readonly long _maxPixels;
    private readonly Func<ImageSource> _read;

    /// <summary>Prepares reading.</summary>
    /// <param name="row">The row or cursor, with the picture column active.</param>
    /// <param name="column">The picture column.</param>
    /// <param name="maxPixels">Most pixels of a picture.</param>
    public ImageGetter(DataViewRow row, DataViewSchema.Column column, long maxPixels)
    {
        _row = row;
        _maxPixels = maxPixels;
        _read = column.Type switch
        {
            TextDataViewType => FilePaths(row.GetGetter<ReadOnlyMemory<char>>(column)),
            ImageDataViewType => MLImages(row.GetGetter<MLImage>(column)),
            _ => EncodedBytes(row.GetGetter<VBuffer<byte>>(column)),
        };
    }

    /// <summary>Reads the current row.</summary>
    public ImageSource Read() => _read();

    private Func<ImageSource> FilePaths(ValueGetter<ReadOnlyMemory<char>> getter)
    {
        var path = default(ReadOnlyMemory<char>);
        return () =>
        {
            getter(ref path);
            return ImageSource.FromFile(path, _row.Position);
        };
    }

    private Func<ImageSource> EncodedBytes(ValueGetter<VBuffer<byte>> getter)
    {
        var bytes = default(VBuffer<byte>);
        return () =>
        {
            getter(ref bytes);
            return ImageSource.FromBytes([.. bytes.DenseValues()], _row.Position);
        };
    }

    private Func<ImageSource> MLImages(ValueGetter<MLImage> getter)
    {
        // A getter that makes pictures anew disposes the one before, which it is given back; one that hands out the caller's own, or those of a
        // cache, leaves them alone. The last one is left to the garbage collector, since nothing tells whose it is.
        MLImage image = null!;
        return () =>
        {
            getter(ref image);
            return MLImagePixels.Source(image, _row.Position, _maxPixels);
        };
    }
}
