using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>The embedded image encoder with a fresh head, its sizes, and what it reads.</summary>
internal static class SmallVisionModel
{
    /// <summary>Layers.</summary>
    public const int Layers = 12;

    /// <summary>Width D.</summary>
    public const int Width = 384;

    /// <summary>Width of the feed-forward part.</summary>
    public const int Inner = 4 * Width;

    /// <summary>Heads H.</summary>
    public const int Heads = 6;

    /// <summary>Width and height of a patch.</summary>
    public const int PatchSize = 14;

    /// <summary>Creates a classifier.</summary>
    /// <param name="classCount">Classes.</param>
    /// <param name="adapter">What is trained besides the head.</param>
    /// <returns>The classifier; owned by the caller.</returns>
    public static ImageClassifier Create(int classCount, AdapterOptions adapter)
    {
        using var files = PretrainedModel.ViTSmall.Open();
        return new ImageClassifier(ImageCheckpoint.Load(files).Encoder, classCount, adapter, seed: 1);
    }

    /// <summary>The model's preprocessor.</summary>
    /// <param name="imageSize">Width and height of the result.</param>
    public static ImagePreprocessor Preprocessor(int imageSize)
    {
        using var files = PretrainedModel.ViTSmall.Open();
        return ImagePreprocessor.Read(files, "BitImageProcessor", imageSize);
    }

    /// <summary>Tokens of a picture: its patches and the class token.</summary>
    /// <param name="imageSize">Width and height of the picture.</param>
    public static int Tokens(int imageSize) => (imageSize / PatchSize * (imageSize / PatchSize)) + 1;

    /// <summary>Makes a batch of random pictures.</summary>
    /// <param name="samples">Pictures.</param>
    /// <param name="imageSize">Width and height.</param>
    /// <returns>The batch; owned by the caller.</returns>
    public static PixelBatch Batch(int samples, int imageSize)
    {
        using var generator = new Generator(2, CPU);
        return new PixelBatch(randn(samples, 3, imageSize, imageSize, generator: generator).DetachFromDisposeScope());
    }
}
