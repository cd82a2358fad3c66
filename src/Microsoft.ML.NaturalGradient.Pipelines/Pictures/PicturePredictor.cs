using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Makes predictions of pictures in batches. Several threads may use it at once.</summary>
/// <param name="network">The network; owned by the caller.</param>
/// <param name="preprocessor">Prepares pictures.</param>
/// <param name="reading">How pictures are read.</param>
/// <param name="outputCount">Predictions K of a picture.</param>
internal sealed class PicturePredictor(IPictureNetwork network, ImagePreprocessor preprocessor, ImageReading reading, int outputCount)
{
    /// <summary>Pictures of a forward pass when many are scored.</summary>
    public const int BatchSize = 16;

    /// <summary>Prepares pictures.</summary>
    public ImagePreprocessor Preprocessor => preprocessor;

    /// <summary>How pictures are read.</summary>
    public ImageReading Reading => reading;

    /// <summary>Computes the predictions of pictures, which are decoded on several threads meanwhile.</summary>
    /// <param name="sources">The pictures; read on the caller's thread.</param>
    /// <param name="onUnreadable">Is told the problem of each picture that cannot be read, whose predictions are NaN; null to stop there.</param>
    /// <returns>An array of K predictions for each picture, in order.</returns>
    /// <exception cref="InvalidDataException">A picture cannot be read and <paramref name="onUnreadable"/> is null.</exception>
    /// <exception cref="IOException">The same for a file.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public float[][] Score(IEnumerable<ImageSource> sources, Action<string>? onUnreadable)
    {
        network.ThrowIfDisposed();
        var pictures = OrderedPrefetch.Run(
            sources, source => Read(source, onUnreadable is not null), Environment.ProcessorCount,
            Math.Max(BatchSize, Environment.ProcessorCount), default);
        var scores = new List<float[]>();
        foreach (var batch in pictures.Chunk(BatchSize))
        {
            foreach (var problem in batch.Select(picture => picture.Problem).OfType<string>())
            {
                onUnreadable!(problem);
            }

            var readable = batch.Select(picture => picture.Image).OfType<RgbImage>().ToArray();
            var values = new Queue<float[]>(readable.Length > 0 ? network.Predict(readable) : []);
            scores.AddRange(batch.Select(picture => picture.Image is null ? Unknown() : values.Dequeue()));
        }

        return [.. scores];
    }

    private (RgbImage? Image, string? Problem) Read(ImageSource source, bool skip)
    {
        try
        {
            return (source.Read(preprocessor.Prepare, reading.MaxPixels), null);
        }
        catch (Exception e) when (skip && ImageDecoder.IsUnreadable(e))
        {
            return (null, e.Message);
        }
    }

    private float[] Unknown()
    {
        var scores = new float[outputCount];
        Array.Fill(scores, float.NaN);
        return scores;
    }
}
