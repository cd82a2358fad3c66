using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>Prepared pictures with labels, cut into batches that are normalised ahead on another thread.</summary>
/// <param name="labels">Class of each picture, from 0; kept.</param>
/// <param name="read">Gives a prepared picture; called on other threads.</param>
/// <param name="preprocessor">Normalises pictures.</param>
/// <param name="batchSize">Pictures of a batch; the last batch of a pass may have fewer.</param>
/// <param name="seed">Seed of the shuffled order.</param>
internal sealed class ImageTensorSource(
    long[] labels, Func<int, RgbImage> read, ImagePreprocessor preprocessor, int batchSize, int seed) : IBatchSource
{
    private const int BatchesAhead = 2;

    private readonly EpochOrder _order = new(new int[labels.Length], batchSize, seed, bucketByLength: false);

    /// <inheritdoc/>
    public int SampleCount => labels.Length;

    /// <inheritdoc/>
    public int BatchCount => (labels.Length + batchSize - 1) / batchSize;

    /// <inheritdoc/>
    public IEnumerable<LabeledBatch> Shuffled(int epoch) => Batches(_order.Rows(epoch));

    /// <inheritdoc/>
    public IEnumerable<LabeledBatch> Ordered() => Batches([.. Enumerable.Range(0, labels.Length)]);

    private IEnumerable<LabeledBatch> Batches(int[] order)
    {
        foreach (var (rows, values) in OrderedPrefetch.Run(order.Chunk(batchSize), Normalize, 1, BatchesAhead, default))
        {
            yield return Batch(rows, values);
        }
    }

    private (int[] Rows, float[] Values) Normalize(int[] rows)
    {
        var values = new float[rows.Length * preprocessor.ValueCount];
        for (var i = 0; i < rows.Length; i++)
        {
            preprocessor.Normalize(read(rows[i]), values.AsSpan(i * preprocessor.ValueCount, preprocessor.ValueCount));
        }

        return (rows, values);
    }

    private LabeledBatch Batch(int[] rows, float[] values)
    {
        using var scope = NewDisposeScope();
        var pixels = tensor(values, [rows.Length, RgbImage.Channels, preprocessor.Height, preprocessor.Width]); // [N, 3, H, W]
        var classes = tensor(Array.ConvertAll(rows, row => labels[row])); // [N]
        return new LabeledBatch(new PixelBatch(pixels.DetachFromDisposeScope()), classes.DetachFromDisposeScope());
    }
}
