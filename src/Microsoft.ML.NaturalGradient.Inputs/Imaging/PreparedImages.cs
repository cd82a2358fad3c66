namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Pictures that were decoded once, and what is done to them for each batch.</summary>
/// <param name="Cache">The pictures, prepared by the augmenter, or, without one, to the preprocessor's size.</param>
/// <param name="Preprocessor">Makes numbers of pixels.</param>
/// <param name="Augmenter">Changes pictures at random; null for none.</param>
internal sealed record PreparedImages(PixelCache Cache, ImagePreprocessor Preprocessor, ImageAugmenter? Augmenter)
{
    /// <summary>Makes a decoded picture smaller before it is kept.</summary>
    /// <param name="image">The decoded picture.</param>
    public RgbImage Prepare(RgbImage image) => Augmenter?.Prepare(image) ?? Preprocessor.Prepare(image);
}
