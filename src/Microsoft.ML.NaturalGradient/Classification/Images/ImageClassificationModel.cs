using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned classifier of pictures. Several threads may use it at once.</summary>
public sealed class ImageClassificationModel : IDisposable
{
    internal ImageClassificationModel(ImageScorer scorer)
    {
        Scorer = scorer;
    }

    /// <summary>Whether LoRA additions are merged into the weights of their layers; see <see cref="MergeAdapter"/>.</summary>
    public bool IsMerged => Scorer.Model.IsMerged;

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
        return Scorer.Score(imagePaths.Select((path, row) => ImageSource.FromFile(path.AsMemory(), row)), onUnreadable: null);
    }

    /// <summary>Computes the probability of each class for encoded pictures: the contents of JPEG, PNG, WebP, BMP or GIF files.</summary>
    /// <param name="images">Contents of N files; not modified.</param>
    /// <returns>N arrays of C probabilities, which sum to 1.</returns>
    /// <exception cref="InvalidDataException">A picture cannot be decoded; the message gives its position.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<float[]> PredictProbabilities(IReadOnlyList<byte[]> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        return Scorer.Score(images.Select((bytes, row) => ImageSource.FromBytes(bytes, row)), onUnreadable: null);
    }

    /// <summary>Merges LoRA additions into the weights, as <see cref="TextClassificationModel.MergeAdapter"/> does.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void MergeAdapter() => Scorer.Model.Merge();

    /// <summary>Takes back <see cref="MergeAdapter"/>; the weights are again the same to the last bit.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void UnmergeAdapter() => Scorer.Model.Unmerge();

    /// <summary>Writes the adapter and the head as Python's PEFT does: adapter_config.json and adapter_model.safetensors.</summary>
    /// <remarks>
    /// PEFT reads the folder with <c>PeftModel.from_pretrained(AutoModelForImageClassification.from_pretrained(baseModel, num_labels=...), folder)</c>: the head is
    /// that of the architecture's own classifier.
    /// </remarks>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <param name="baseModel">
    /// Name or path by which Python finds the base model. Null takes the name that a loaded adapter had, else the folder or hub name of the pretrained model.
    /// </param>
    /// <exception cref="NotSupportedException">PEFT has no such adapter: the model was trained as a whole, or only its biases or its head.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void SavePeft(string folder, string? baseModel = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ModelExport.SavePeft(Scorer.Model, Scorer.Export, folder, baseModel);
    }

    /// <summary>Writes a full model with the adapter merged into it, as transformers' save_pretrained does: configuration, weights and image processor.</summary>
    /// <remarks>
    /// Read back with <see cref="PretrainedModel.FromFolder"/>, to train on or through <see cref="ML.Checkpoints.LoadImageClassifier"/> to score; in Python with
    /// <c>AutoModelForImageClassification.from_pretrained(folder)</c>. The size of pictures that it was trained on is in its preprocessor_config.json.
    /// </remarks>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void SavePretrained(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ModelExport.SavePretrained(Scorer.Model, Scorer.Export, folder);
    }

    /// <summary>Frees the weights. Calls of other threads end first; later ones throw <see cref="ObjectDisposedException"/>. Does not wait for them.</summary>
    public void Dispose() => Scorer.Dispose();
}
