using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>How a trained model reads pictures.</summary>
/// <param name="ImageSize">Columns and rows of prepared pictures; null takes those of the pretrained model.</param>
/// <param name="MaxPixels">Most pixels of a picture before it is resized.</param>
/// <param name="Unreadable">What happens to pictures that cannot be read.</param>
internal sealed record ImageReading(int? ImageSize, long MaxPixels, UnreadableImages Unreadable)
{
    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="reader">The model stream.</param>
    /// <exception cref="InvalidDataException">A number is one that no trainer takes.</exception>
    public static ImageReading Load(BinaryReader reader)
    {
        var size = (int)SavedNumber.Check("size of pictures", reader.ReadInt32(), 0, ImagePreprocessor.LargestSize);
        var maxPixels = SavedNumber.Check("limit of pixels", reader.ReadInt64(), 1, ImageDecoder.HighestMaxPixels);
        return new ImageReading(size == 0 ? null : size, maxPixels, reader.ReadBoolean() ? UnreadableImages.Skip : UnreadableImages.Stop);
    }

    /// <summary>Writes the settings.</summary>
    /// <param name="writer">The model stream.</param>
    public void Save(BinaryWriter writer)
    {
        writer.Write(ImageSize ?? 0);
        writer.Write(MaxPixels);
        writer.Write(Unreadable == UnreadableImages.Skip);
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
            SettingCheck.Require(
                false, nameof(ImageSize), width,
                $"Pictures would have {width} x {height} pixels, but {model} divides them into patches of {patch} x {patch}: use a multiple of {patch}, for example {nearest}.");
        }
    }
}
