using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Imaging;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>A pretrained image model, read from its files: the encoder with its weights, the classification head, and what is needed to save both again.</summary>
internal sealed class ImageCheckpoint
{
    private readonly string _processorPlace;

    private ImageCheckpoint(
        ImageEncoder encoder, CheckpointFiles files, IReadOnlyDictionary<string, ScalarType> storedTypes, byte[]? headWeights, CheckpointFiles? processor)
    {
        Encoder = encoder;
        Files = processor is null ? files.ReadSmallFiles()
            : new Dictionary<string, byte[]>(files.ReadSmallFiles()) { [CheckpointFiles.PreprocessorName] = processor.Read(CheckpointFiles.PreprocessorName) };
        StoredTypes = storedTypes;
        HeadWeights = headWeights;
        _processorPlace = (processor ?? files).Description;
    }

    /// <summary>The encoder; owned by whoever takes it.</summary>
    public ImageEncoder Encoder { get; }

    /// <summary>Contents of the configuration files, by name.</summary>
    public IReadOnlyDictionary<string, byte[]> Files { get; }

    /// <summary>Element type in the file, by the encoder's parameter names, which begin with its prefix.</summary>
    public IReadOnlyDictionary<string, ScalarType> StoredTypes { get; }

    /// <summary>The checkpoint's own classification head, as a safetensors file; <see langword="null"/> if it has none.</summary>
    public byte[]? HeadWeights { get; }

    /// <summary>Reads a checkpoint.</summary>
    /// <param name="files">The files; owned by the caller.</param>
    /// <param name="elsewhere">Shapes of the weights that another file holds, by names that begin with the encoder's prefix; they may be absent and stay as created. Null for none.</param>
    /// <param name="processor">Files with another <c>preprocessor_config.json</c>, owned by the caller; null for the checkpoint's own.</param>
    /// <returns>The model on the CPU, in float32.</returns>
    /// <exception cref="InvalidDataException">Files are damaged or do not belong together; the message says which and why.</exception>
    /// <exception cref="NotSupportedException">The architecture is not supported.</exception>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    public static ImageCheckpoint Load(CheckpointFiles files, IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere = null, CheckpointFiles? processor = null)
    {
        var config = ModelConfig.Read(files);
        config.CheckKind();
        using var weights = files.OpenWeights();
        var loaded = Architectures.ForPictures(config).Load(config, weights, elsewhere);
        var encoder = (ImageEncoder)loaded.Network;
        try
        {
            var headWeights = encoder.HasClassificationHead ? EncoderWeights.ReadHead(encoder.Head, weights) : null;
            return new ImageCheckpoint(encoder, files, loaded.StoredTypes, headWeights, processor);
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    /// <summary>The configuration files of a model that is used with pictures of another size.</summary>
    /// <param name="preprocessor">What <see cref="ReadPreprocessor"/> gave for that size.</param>
    public IReadOnlyDictionary<string, byte[]> FilesFor(ImagePreprocessor preprocessor) => Files.ToDictionary(
        file => file.Key, file => file.Key == CheckpointFiles.PreprocessorName ? preprocessor.WriteSizes(file.Value) : file.Value);

    /// <summary>Reads how pictures are prepared for this model.</summary>
    /// <param name="imageSize">Columns and rows of prepared pictures; null for what the model's file says.</param>
    /// <returns>The preprocessor.</returns>
    /// <exception cref="FileNotFoundException">The model came without <c>preprocessor_config.json</c>.</exception>
    /// <exception cref="InvalidDataException">The processor is not supported, or a field makes no sense.</exception>
    public ImagePreprocessor ReadPreprocessor(int? imageSize = null)
    {
        using var files = new MemoryCheckpointFiles(Files, _processorPlace);
        return ImagePreprocessor.Read(files, Encoder.Architecture.PreprocessorClass, imageSize);
    }
}
