using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Batching;

/// <summary>Pictures with labels, prepared before, cut into batches; other threads change and normalise them ahead of the training.</summary>
internal sealed class ImageBatchSource : IBatchSource
{
    private readonly IReadOnlyList<ImageExample> _rows;
    private readonly PreparedImages _images;
    private readonly int _batchSize;
    private readonly Device _device;
    private readonly CancellationToken _cancellation;
    private readonly EpochOrder _order;

    /// <summary>Takes pictures out of a cache.</summary>
    /// <param name="rows">The rows; kept, must not change.</param>
    /// <param name="images">Their pictures; stay the caller's. With an augmenter only shuffled passes are possible.</param>
    /// <param name="batchSize">Rows of a batch, at least one; the last batch of a pass may have fewer.</param>
    /// <param name="device">Where the tensors are made.</param>
    /// <param name="seed">Seed of the shuffled order.</param>
    /// <param name="cancellation">Ends a pass by an exception.</param>
    public ImageBatchSource(
        IReadOnlyList<ImageExample> rows, PreparedImages images, int batchSize, Device device, int seed, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        _rows = rows;
        _images = images;
        _batchSize = batchSize;
        _device = device;
        _cancellation = cancellation;
        _order = new EpochOrder(new int[rows.Count], batchSize, seed, bucketByLength: false);
    }

    /// <inheritdoc/>
    public int SampleCount => _rows.Count;

    /// <inheritdoc/>
    public int BatchCount => (_rows.Count + _batchSize - 1) / _batchSize;

    /// <summary>Makes the tensor of prepared pictures.</summary>
    /// <param name="pictures">N pictures of the preprocessor's size.</param>
    /// <param name="preprocessor">Makes numbers of pixels.</param>
    /// <param name="device">Where the tensor is made.</param>
    /// <returns>The batch, in no dispose scope; owned by the caller.</returns>
    public static PixelBatch Collate(IReadOnlyList<RgbImage> pictures, ImagePreprocessor preprocessor, Device device)
    {
        var values = new float[pictures.Count * preprocessor.ValueCount];
        for (var i = 0; i < pictures.Count; i++)
        {
            preprocessor.Normalize(pictures[i], values.AsSpan(i * preprocessor.ValueCount, preprocessor.ValueCount));
        }

        using var scope = NewDisposeScope();
        var shape = new long[] { pictures.Count, RgbImage.Channels, preprocessor.Height, preprocessor.Width };
        return new PixelBatch(tensor(values, shape, device: device).DetachFromDisposeScope()); // [N, 3, H, W]
    }

    /// <inheritdoc/>
    public IEnumerable<LabeledBatch> Shuffled(int epoch, int first = 0) => Batches(
        _order.Rows(epoch)[Math.Min(first * _batchSize, _rows.Count)..],
        row => _images.Augmenter is { } augmenter ? augmenter.Apply(Read(row), row.Row, epoch) : Read(row));

    /// <inheritdoc/>
    public IEnumerable<LabeledBatch> Ordered() => Batches([.. Enumerable.Range(0, _rows.Count)], Read);

    /// <inheritdoc/>
    public string Fingerprint() => ContentHash.Of(stream =>
    {
        foreach (var row in _rows)
        {
            stream.Write(Read(row).Pixels);
            stream.Write(BitConverter.GetBytes(row.Label));
        }
    });

    private RgbImage Read(ImageExample row) => _images.Cache.Read(row.Index);

    private IEnumerable<LabeledBatch> Batches(int[] order, Func<ImageExample, RgbImage> picture)
    {
        var ahead = OrderedPrefetch.Run(
            order.Select(row => _rows[row]), row => (Picture: picture(row), row.Label),
            Environment.ProcessorCount, Math.Max(_batchSize, Environment.ProcessorCount), _cancellation);
        foreach (var rows in ahead.Chunk(_batchSize))
        {
            yield return Batch(rows);
        }
    }

    private LabeledBatch Batch((RgbImage Picture, double Label)[] rows)
    {
        var input = Collate(Array.ConvertAll(rows, row => row.Picture), _images.Preprocessor, _device);
        try
        {
            using var scope = NewDisposeScope();
            var labels = Array.ConvertAll(rows, row => row.Label);
            return new LabeledBatch(input, tensor(labels, ScalarType.Int64, _device).DetachFromDisposeScope()); // [N]
        }
        catch
        {
            input.Dispose();
            throw;
        }
    }
}
