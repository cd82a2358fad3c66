using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Batching;

/// <summary>Pictures with labels, prepared before, cut into batches; other threads change and normalise them ahead of the training.</summary>
internal sealed class ImageBatchSource : RowBatchSource
{
    private readonly IReadOnlyList<ImageExample> _rows;
    private readonly PreparedImages _images;
    private readonly CancellationToken _cancellation;

    /// <summary>Takes pictures out of a cache.</summary>
    /// <param name="rows">The rows; kept, must not change.</param>
    /// <param name="images">Their pictures; stay the caller's. With an augmenter only shuffled passes are possible.</param>
    /// <param name="batchSize">Rows of a batch, at least one; the last batch of a pass may have fewer.</param>
    /// <param name="device">Where the tensors are made.</param>
    /// <param name="seed">Seed of the shuffled order.</param>
    /// <param name="cancellation">Ends a pass by an exception.</param>
    public ImageBatchSource(
        IReadOnlyList<ImageExample> rows, PreparedImages images, int batchSize, Device device, int seed, CancellationToken cancellation = default)
        : base(
            Array.ConvertAll([.. rows], row => row.Label), LabelFormat.Class, batchSize,
            new EpochOrder(new int[rows.Count], batchSize, seed, bucketByLength: false), device)
    {
        _rows = rows;
        _images = images;
        _cancellation = cancellation;
    }

    /// <inheritdoc/>
    public override bool IsConstant => _images.Augmenter is null;

    /// <summary>Makes the tensor of prepared pictures.</summary>
    /// <param name="pictures">N pictures of the preprocessor's size.</param>
    /// <param name="preprocessor">Makes numbers of pixels.</param>
    /// <param name="device">Where the tensor is made.</param>
    /// <returns>The batch, in no dispose scope; owned by the caller.</returns>
    public static PixelBatch Collate(IReadOnlyList<RgbImage> pictures, ImagePreprocessor preprocessor, Device device)
    {
        using var scope = NewDisposeScope();
        var shape = new long[] { pictures.Count, RgbImage.Channels, preprocessor.Height, preprocessor.Width };
        return new PixelBatch(tensor(preprocessor.Normalize(pictures), shape, device: device).DetachFromDisposeScope()); // [N, 3, H, W]
    }

    /// <inheritdoc/>
    public override ModelInput Resume(int[] rows, FrozenStates states) => new PixelBatch(states);

    /// <inheritdoc/>
    public override string Fingerprint() => ContentHash.Of(stream =>
    {
        foreach (var row in _rows)
        {
            stream.Write(Read(row).Pixels);
            row.Label.WriteTo(stream);
        }
    });

    /// <inheritdoc/>
    /// <remarks>Changing pictures at random costs more than the rest of a batch: those of other processes are black.</remarks>
    protected override IEnumerable<ModelInput> Inputs(IEnumerable<int[]> batches, int? epoch, ProcessGroup? group)
    {
        int[][] all = [.. batches];
        using var pictures = OrderedPrefetch.Run(
            all.SelectMany(rows => rows.Select((row, place) => (Row: row, IsOwn: group is null || group.Share(rows.Length).Contains(place)))),
            row => row.IsOwn ? Picture(_rows[row.Row], epoch) : Black(),
            Environment.ProcessorCount, Math.Max(BatchSize, Environment.ProcessorCount), _cancellation).GetEnumerator();
        foreach (var rows in all)
        {
            yield return Collate(Array.ConvertAll(rows, _ => pictures.MoveNext() ? pictures.Current : throw new InvalidOperationException("A picture is missing.")), _images.Preprocessor, Device);
        }
    }

    private RgbImage Black() =>
        new(_images.Preprocessor.Width, _images.Preprocessor.Height, new byte[_images.Preprocessor.Width * _images.Preprocessor.Height * RgbImage.Channels]);

    private RgbImage Picture(ImageExample row, int? epoch) =>
        epoch is { } now && _images.Augmenter is { } augmenter ? augmenter.Apply(Read(row), row.Row, now) : Read(row);

    private RgbImage Read(ImageExample row) => _images.Cache.Read(row.Index);
}
