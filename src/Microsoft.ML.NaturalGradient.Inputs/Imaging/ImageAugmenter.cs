namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Changes training pictures at random; may be used by several threads at once.</summary>
internal sealed class ImageAugmenter
{
    private readonly ImageAugmentation _options;
    private readonly ImagePreprocessor _preprocessor;
    private readonly int _seed;

    /// <summary>Takes the ranges of the changes.</summary>
    /// <param name="options">The ranges.</param>
    /// <param name="preprocessor">Gives the size of the result.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    public ImageAugmenter(ImageAugmentation options, ImagePreprocessor preprocessor, int seed)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _preprocessor = preprocessor;
        _seed = seed;
    }

    /// <summary>Prepares a decoded picture for <see cref="Apply"/>, once: smaller, but large enough for the smallest part.</summary>
    /// <param name="image">The decoded picture.</param>
    public RgbImage Prepare(RgbImage image) =>
        _options.IsCropped ? _preprocessor.Shrink(image, _options.SmallestArea) : _preprocessor.Prepare(image);

    /// <summary>Changes a picture; a pure function of its arguments and the seed.</summary>
    /// <param name="prepared">What <see cref="Prepare"/> gave; not modified.</param>
    /// <param name="row">Row of the picture.</param>
    /// <param name="epoch">Epoch, from 0.</param>
    /// <returns>A picture of the preprocessor's size.</returns>
    public RgbImage Apply(RgbImage prepared, int row, int epoch)
    {
        var draw = AugmentationDraw.Create(_options, prepared.Width, prepared.Height, _seed, row, epoch);
        var fitted = _preprocessor.Fit(prepared, draw.Part);
        return ColorJitter.Apply(draw.IsFlipped ? Flip(fitted) : fitted, draw.Brightness, draw.Contrast, draw.Saturation);
    }

    private static RgbImage Flip(RgbImage image)
    {
        var pixels = new byte[image.Pixels.Length];
        var stride = image.Width * RgbImage.Channels;
        for (var row = 0; row < pixels.Length; row += stride)
        {
            for (var x = 0; x < stride; x += RgbImage.Channels)
            {
                image.Pixels.AsSpan(row + stride - RgbImage.Channels - x, RgbImage.Channels).CopyTo(pixels.AsSpan(row + x));
            }
        }
        return new RgbImage(image.Width, image.Height, pixels);
    }
}
