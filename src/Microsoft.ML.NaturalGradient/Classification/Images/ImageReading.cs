using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>How a trained model reads pictures.</summary>
/// <param name="ImageSize">Columns and rows of prepared pictures; null takes those of the pretrained model.</param>
/// <param name="MaxPixels">Most pixels of a picture before it is resized.</param>
/// <param name="Unreadable">What happens to pictures that cannot be read.</param>
internal sealed record ImageReading(int? ImageSize, long MaxPixels, UnreadableImages Unreadable)
{
    private const int LargestImageSize = 4096;

    /// <summary>The defaults.</summary>
    public static ImageReading Default { get; } = new(null, ImageDecoder.DefaultMaxPixels, UnreadableImages.Skip);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="reader">The model stream.</param>
    public static ImageReading Load(BinaryReader reader)
    {
        var size = reader.ReadInt32();
        return new ImageReading(size == 0 ? null : size, reader.ReadInt64(), reader.ReadBoolean() ? UnreadableImages.Skip : UnreadableImages.Stop);
    }

    /// <summary>Writes the settings.</summary>
    /// <param name="writer">The model stream.</param>
    public void Save(BinaryWriter writer)
    {
        writer.Write(ImageSize ?? 0);
        writer.Write(MaxPixels);
        writer.Write(Unreadable == UnreadableImages.Skip);
    }

    /// <summary>Throws when a setting is out of range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    public void Validate()
    {
        FineTuningSettings.Check(
            ImageSize is null or (>= 1 and <= LargestImageSize), nameof(ImageSize), ImageSize ?? 0,
            $"Use a multiple of the model's patch up to {LargestImageSize}, for example 224, or null for the model's own size.");
        FineTuningSettings.Check(
            MaxPixels is >= 1 and <= ImageDecoder.HighestMaxPixels, nameof(MaxPixels), MaxPixels, $"Use a number from 1 to {ImageDecoder.HighestMaxPixels}.");
        FineTuningSettings.Check(Enum.IsDefined(Unreadable), nameof(UnreadableImages), (int)Unreadable, "Use Skip or Stop.");
    }

    /// <summary>Throws when prepared pictures cannot be divided into the model's patches.</summary>
    /// <param name="preprocessor">Prepares pictures.</param>
    /// <param name="patch">Width and height of a patch.</param>
    /// <param name="model">The pretrained model.</param>
    /// <exception cref="ArgumentOutOfRangeException">They cannot.</exception>
    public void CheckPatches(ImagePreprocessor preprocessor, int patch, PretrainedModel model)
    {
        var (width, height) = (preprocessor.Width, preprocessor.Height);
        if (width % patch != 0 || height % patch != 0)
        {
            var nearest = Math.Max(1, (int)Math.Round((double)width / patch)) * patch;
            FineTuningSettings.Check(
                false, nameof(ImageSize), width,
                $"Pictures would have {width} x {height} pixels, but {model} divides them into patches of {patch} x {patch}: use a multiple of {patch}, for example {nearest}.");
        }
    }
}
