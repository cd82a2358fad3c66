using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Turns decoded pictures into what a vision model reads: resized, cropped, scaled and normalised.</summary>
/// <remarks>
/// Resizing gives bytes, as the reference does, so a prepared picture can be kept in a quarter of the memory of its numbers.
/// Normalising byte b of channel c gives (b·f − mean_c) / deviation_c with the rescale factor f.
/// </remarks>
internal sealed class ImagePreprocessor
{
    /// <summary>Most columns or rows that a prepared picture may have.</summary>
    public const int LargestSize = 4096;

    private readonly ImageSizing _sizing;
    private readonly ResampleFilter _filter;
    private readonly float[] _values; // the number of each byte, [3, 256]

    /// <summary>Takes the settings of a processor.</summary>
    /// <param name="sizing">Sizes; the size of the result must be fixed.</param>
    /// <param name="filter">Kernel of the resampler.</param>
    /// <param name="factor">What bytes are multiplied with.</param>
    /// <param name="mean">Mean of each channel, [3].</param>
    /// <param name="deviation">Standard deviation of each channel, greater than zero, [3].</param>
    public ImagePreprocessor(ImageSizing sizing, ResampleFilter filter, double factor, double[] mean, double[] deviation)
    {
        _sizing = sizing;
        _filter = filter;
        Width = sizing.OutputWidth ?? throw new ArgumentException("The width of the result is open.", nameof(sizing));
        Height = sizing.OutputHeight ?? throw new ArgumentException("The height of the result is open.", nameof(sizing));
        _values = new float[RgbImage.Channels * 256];
        for (var i = 0; i < _values.Length; i++)
        {
            var channel = i / 256;
            // In float32 from here on, as the reference.
            _values[i] = ((float)(i % 256 * factor) - (float)mean[channel]) / (float)deviation[channel];
        }
    }

    /// <summary>Columns of a prepared picture.</summary>
    public int Width { get; }

    /// <summary>Rows of a prepared picture.</summary>
    public int Height { get; }

    /// <summary>Numbers of a normalised picture.</summary>
    public int ValueCount => RgbImage.Channels * Width * Height;

    /// <summary>Reads the settings of a checkpoint.</summary>
    /// <param name="files">The checkpoint.</param>
    /// <param name="usualClass">The processor where the file names none, as transformers calls the class; null for none.</param>
    /// <param name="imageSize">Columns and rows of prepared pictures; null takes those of the file.</param>
    /// <returns>The preprocessor; it does not keep <paramref name="files"/>.</returns>
    /// <exception cref="FileNotFoundException">There is no <c>preprocessor_config.json</c>; the message says what to do.</exception>
    /// <exception cref="InvalidDataException">The processor is not supported, or a field makes no sense.</exception>
    public static ImagePreprocessor Read(CheckpointFiles files, string? usualClass, int? imageSize = null) =>
        ImageProcessorConfig.Read(files, usualClass, imageSize);

    /// <summary>Writes this preprocessor's sizes into a configuration.</summary>
    /// <param name="config">A <c>preprocessor_config.json</c>; not modified.</param>
    /// <returns>The same with these sizes.</returns>
    public byte[] WriteSizes(byte[] config) => ImageProcessorConfig.WriteSizes(config, _sizing);

    /// <summary>Resizes and crops a picture for scoring or validation, and for training without random crops.</summary>
    /// <param name="image">The decoded picture.</param>
    /// <returns>A picture of <see cref="Width"/> x <see cref="Height"/>; black where the crop is larger than the resized picture.</returns>
    /// <exception cref="InvalidDataException">The picture is too elongated to be resized.</exception>
    public RgbImage Prepare(RgbImage image)
    {
        var (width, height) = _sizing.Resized(image);
        var window = new PixelBox(FloorHalf(width - Width), FloorHalf(height - Height), Width, Height);
        return Resampler.ResizeAndCrop(image, image.Bounds, width, height, window, _filter);
    }

    /// <summary>Shrinks a picture for random crops: as far as the smallest square crop still has enough pixels.</summary>
    /// <param name="image">The decoded picture.</param>
    /// <param name="smallestArea">The smallest part of the area that is cropped, greater than 0, up to 1.</param>
    /// <returns>The shrunk picture with the same proportions; <paramref name="image"/> itself if it is small already.</returns>
    public RgbImage Shrink(RgbImage image, double smallestArea)
    {
        var enough = Math.Ceiling(Math.Max(Width, Height) / Math.Sqrt(smallestArea));
        var factor = enough / Math.Min(image.Width, image.Height);
        if (factor >= 1)
        {
            return image;
        }
        var width = Math.Max(1, (int)Math.Round(image.Width * factor));
        var height = Math.Max(1, (int)Math.Round(image.Height * factor));
        return Resampler.Resize(image, image.Bounds, width, height, _filter);
    }

    /// <summary>Resizes a part of a picture to the size of the result, without regard to its proportions.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="part">The part, inside the picture.</param>
    /// <returns>A picture of <see cref="Width"/> x <see cref="Height"/>.</returns>
    public RgbImage Fit(RgbImage image, PixelBox part) => Resampler.Resize(image, part, Width, Height, _filter);

    /// <summary>Writes the numbers of a prepared picture.</summary>
    /// <param name="image">A picture of <see cref="Width"/> x <see cref="Height"/>.</param>
    /// <param name="destination">Takes the numbers, [3, Height, Width]; at least <see cref="ValueCount"/> long.</param>
    /// <exception cref="ArgumentException">The picture has another size.</exception>
    public void Normalize(RgbImage image, Span<float> destination)
    {
        if (image.Width != Width || image.Height != Height)
        {
            throw new ArgumentException(FormattableString.Invariant(
                $"The picture has {image.Width} x {image.Height} pixels instead of {Width} x {Height}. Prepare it first."), nameof(image));
        }

        var pixels = image.Pixels;
        var plane = Width * Height;
        for (var channel = 0; channel < RgbImage.Channels; channel++)
        {
            var values = _values.AsSpan(channel * 256, 256);
            var to = destination.Slice(channel * plane, plane);
            for (int i = 0, from = channel; i < to.Length; i++, from += RgbImage.Channels)
            {
                to[i] = values[pixels[from]];
            }
        }
    }

    /// <summary>Makes numbers of prepared pictures.</summary>
    /// <param name="images">N pictures of <see cref="Width"/> x <see cref="Height"/>.</param>
    /// <returns>[N, 3, Height, Width].</returns>
    /// <exception cref="ArgumentException">A picture has another size.</exception>
    public float[] Normalize(IReadOnlyList<RgbImage> images)
    {
        var values = new float[images.Count * ValueCount];
        for (var i = 0; i < images.Count; i++)
        {
            Normalize(images[i], values.AsSpan(i * ValueCount, ValueCount));
        }

        return values;
    }

    // Like the reference, rounds down where the crop is larger, too.
    private static int FloorHalf(int difference) => difference >> 1;
}
