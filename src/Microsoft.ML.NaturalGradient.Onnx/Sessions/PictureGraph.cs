using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.OnnxRuntime;

namespace Microsoft.ML.NaturalGradient.Serving;

/// <summary>A graph that reads pictures.</summary>
internal sealed class PictureGraph : IPictureNetwork
{
    private const string Pixels = "pixel_values";

    private readonly GraphSession _session;
    private readonly ImagePreprocessor _preprocessor;

    /// <summary>Takes a graph.</summary>
    /// <param name="session">The graph; owned by the caller.</param>
    /// <param name="preprocessor">Prepares pictures.</param>
    /// <exception cref="InvalidDataException">The graph reads something else, or pictures of another size; the message says what.</exception>
    public PictureGraph(GraphSession session, ImagePreprocessor preprocessor)
    {
        session.CheckInputs(typeof(float), [Pixels], []);
        var shape = session.ShapeOf(Pixels)!;
        if (shape is not [_, var channels, var height, var width] || !Fits(channels, RgbImage.Channels) || !Fits(height, preprocessor.Height) || !Fits(width, preprocessor.Width))
        {
            throw session.Wrong(FormattableString.Invariant(
                $"reads pictures as [{string.Join(", ", shape)}], but the image processor beside it makes [-1, {RgbImage.Channels}, {preprocessor.Height}, {preprocessor.Width}]"));
        }

        (_session, _preprocessor) = (session, preprocessor);
    }

    /// <inheritdoc/>
    public void ThrowIfDisposed() => _session.ThrowIfDisposed();

    /// <inheritdoc/>
    public float[][] Predict(IReadOnlyList<RgbImage> pictures)
    {
        using var pixels = OrtValue.CreateTensorValueFromMemory(
            _preprocessor.Normalize(pictures), [pictures.Count, RgbImage.Channels, _preprocessor.Height, _preprocessor.Width]); // [N, 3, H, W]
        return _session.Run(pictures.Count, new Dictionary<string, OrtValue> { [Pixels] = pixels });
    }

    private static bool Fits(int size, int given) => size < 0 || size == given;
}
