using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned classifier of pictures. Several threads may use it at once.</summary>
public sealed class ImageClassificationModel : FineTunedModel
{
    internal ImageClassificationModel(ImageScorer scorer)
        : base(scorer)
    {
        Scorer = scorer;
    }

    /// <summary>Names of the classes; the order is that of the probabilities and of the label's keys.</summary>
    public IReadOnlyList<string> ClassNames => Scorer.Model.Target.OutputNames;

    internal ImageScorer Scorer { get; }

    /// <summary>Computes the probability of each class for picture files.</summary>
    /// <param name="imagePaths">Paths of N pictures.</param>
    /// <returns>N arrays of C probabilities, which sum to 1.</returns>
    /// <exception cref="IOException">A file is missing or cannot be opened; the message names it.</exception>
    /// <exception cref="InvalidDataException">A picture cannot be decoded; the message names it.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<float[]> PredictProbabilities(IReadOnlyList<string> imagePaths)
    {
        ArgumentNullException.ThrowIfNull(imagePaths);
        return Scorer.Predictor.Score(imagePaths.Select((path, row) => ImageSource.FromFile(path.AsMemory(), row)), onUnreadable: null);
    }

    /// <summary>Computes the probability of each class for encoded pictures: the contents of JPEG, PNG, WebP, BMP or GIF files.</summary>
    /// <param name="images">Contents of N files; not modified.</param>
    /// <returns>N arrays of C probabilities, which sum to 1.</returns>
    /// <exception cref="InvalidDataException">A picture cannot be decoded; the message gives its position.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<float[]> PredictProbabilities(IReadOnlyList<byte[]> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        return Scorer.Predictor.Score(images.Select((bytes, row) => ImageSource.FromBytes(bytes, row)), onUnreadable: null);
    }
}
