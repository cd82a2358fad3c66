using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Models.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A trained network that reads pictures, with their preparation. Several threads may use it at once.</summary>
/// <param name="model">The network; owned by this object from now on.</param>
/// <param name="preprocessor">Prepares pictures.</param>
/// <param name="reading">How pictures are read.</param>
internal sealed class ImageScorer(TrainedNetwork model, ImagePreprocessor preprocessor, ImageReading reading) : NetworkScorer(model)
{
    /// <summary>Pictures of a forward pass when many are scored.</summary>
    public const int BatchSize = 16;

    /// <summary>Prepares pictures.</summary>
    public ImagePreprocessor Preprocessor { get; } = preprocessor;

    /// <summary>How pictures are read.</summary>
    public ImageReading Reading { get; } = reading;

    /// <inheritdoc/>
    public override ExportDetails Export => new()
    {
        Pictures = new OnnxPictureSize(Preprocessor.Height, Preprocessor.Width),
        ResizesPositions = !Encoder.Architecture.TakesAnySize && (Preprocessor.Width != Encoder.ImageSize || Preprocessor.Height != Encoder.ImageSize),
    };

    private ImageEncoder Encoder => (ImageEncoder)Model.Network.Base;

    /// <summary>Computes the predictions of pictures, which are decoded on several threads meanwhile.</summary>
    /// <param name="sources">The pictures; read on the caller's thread.</param>
    /// <param name="onUnreadable">Is told the problem of each picture that cannot be read, whose predictions are NaN; null to stop there.</param>
    /// <returns>An array of K predictions for each picture, in order.</returns>
    /// <exception cref="InvalidDataException">A picture cannot be read and <paramref name="onUnreadable"/> is null.</exception>
    /// <exception cref="IOException">The same for a file.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public float[][] Score(IEnumerable<ImageSource> sources, Action<string>? onUnreadable)
    {
        Model.ThrowIfDisposed();
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
            var values = new Queue<float[]>(readable.Length > 0 ? Forward(readable) : []);
            scores.AddRange(batch.Select(picture => picture.Image is null ? Unknown() : values.Dequeue()));
        }

        return [.. scores];
    }

    private (RgbImage? Image, string? Problem) Read(ImageSource source, bool skip)
    {
        try
        {
            return (source.Read(Preprocessor.Prepare, Reading.MaxPixels), null);
        }
        catch (Exception e) when (skip && ImageDecoder.IsUnreadable(e))
        {
            return (null, e.Message);
        }
    }

    private float[][] Forward(RgbImage[] pictures)
    {
        using var use = Model.Use();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using PixelBatch batch = ImageBatchSource.Collate(pictures, Preprocessor, Model.Device);
        return Model.Target.ToArrays(Model.FiniteOutputs(() => Model.Network.Forward(batch)));
    }

    private float[] Unknown()
    {
        var scores = new float[Model.Target.OutputCount];
        Array.Fill(scores, float.NaN);
        return scores;
    }
}
