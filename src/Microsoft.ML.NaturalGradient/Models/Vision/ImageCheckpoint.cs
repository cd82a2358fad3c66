using Microsoft.ML.NaturalGradient.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>A pretrained image model, read from its files: the encoder with its weights and the classification head, if there is one.</summary>
internal sealed class ImageCheckpoint
{
    private ImageCheckpoint(ImageEncoder encoder, IReadOnlyDictionary<string, ScalarType> storedTypes, byte[]? headWeights)
    {
        Encoder = encoder;
        StoredTypes = storedTypes;
        HeadWeights = headWeights;
    }

    /// <summary>The encoder; owned by whoever takes it.</summary>
    public ImageEncoder Encoder { get; }

    /// <summary>Element type in the file, by the encoder's parameter names, which begin with its prefix.</summary>
    public IReadOnlyDictionary<string, ScalarType> StoredTypes { get; }

    /// <summary>The checkpoint's own classification head, as a safetensors file; <see langword="null"/> if it has none.</summary>
    public byte[]? HeadWeights { get; }

    /// <summary>Reads a checkpoint.</summary>
    /// <param name="files">The files; owned by the caller.</param>
    /// <param name="optional">Which weights, by names that begin with the encoder's prefix, may be absent and stay as created; null for none.</param>
    /// <returns>The model on the CPU, in float32.</returns>
    /// <exception cref="InvalidDataException">Files are damaged or do not belong together; the message says which and why.</exception>
    /// <exception cref="NotSupportedException">The architecture is not supported.</exception>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    public static ImageCheckpoint Load(CheckpointFiles files, Func<string, bool>? optional = null)
    {
        var config = ModelConfig.Read(files);
        using var weights = files.OpenWeights();
        var encoder = ImageEncoderFactory.Create(config);
        try
        {
            var storedTypes = EncoderWeights.Load(encoder, weights, optional);
            return new ImageCheckpoint(
                encoder, storedTypes, encoder.HasClassificationHead ? EncoderWeights.ReadHead(encoder.Head, weights) : null);
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }
}
