using System.Globalization;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A trained network that reads pictures, with their preparation. Several threads may use it at once.</summary>
internal sealed class ImageScorer : NetworkScorer, IPictureNetwork
{
    /// <summary>Takes over a network.</summary>
    /// <param name="model">The network; owned by this object from now on.</param>
    /// <param name="preprocessor">Prepares pictures.</param>
    /// <param name="reading">How pictures are read.</param>
    public ImageScorer(TrainedNetwork model, ImagePreprocessor preprocessor, ImageReading reading)
        : base(model)
    {
        Predictor = new PicturePredictor(this, preprocessor, reading, model.Target.OutputCount);
    }

    /// <summary>Makes predictions of pictures.</summary>
    public PicturePredictor Predictor { get; }

    /// <inheritdoc/>
    public override ExportDetails Export => new()
    {
        Pictures = new OnnxPictureSize(Predictor.Preprocessor.Height, Predictor.Preprocessor.Width),
        Notes = new Dictionary<string, string>
        {
            [ServedFolder.PixelsNote] = Predictor.Reading.MaxPixels.ToString(CultureInfo.InvariantCulture),
            [ServedFolder.SkipNote] = Predictor.Reading.Unreadable == UnreadableImages.Skip ? "true" : "false",
        },
        ResizesPositions = !Encoder.Architecture.TakesAnySize && (Predictor.Preprocessor.Width != Encoder.ImageSize || Predictor.Preprocessor.Height != Encoder.ImageSize),
    };

    private ImageEncoder Encoder => (ImageEncoder)Model.Network.Base;

    /// <summary>Scores rows of data views.</summary>
    /// <param name="columns">The columns.</param>
    public ImageRowScorer RowScorer(ImageColumns columns) => new(Predictor, Model.Target.Format, columns);

    /// <summary>All that is needed to score, but the network.</summary>
    /// <param name="columns">The columns.</param>
    public ServedPictures Served(ImageColumns columns) =>
        new(columns, ((ClassTarget)Model.Target).Format, Predictor.Reading, Model.Base.Files, Encoder.Architecture.PreprocessorClass);

    /// <inheritdoc/>
    public void ThrowIfDisposed() => Model.ThrowIfDisposed();

    /// <inheritdoc/>
    public float[][] Predict(IReadOnlyList<RgbImage> pictures)
    {
        using var use = Model.Use();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using PixelBatch batch = ImageBatchSource.Collate(pictures, Predictor.Preprocessor, Model.Device);
        return Model.Target.ToArrays(Model.FiniteOutputs(() => Model.Network.Forward(batch)));
    }
}
