namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>What happens to one picture in one epoch.</summary>
/// <param name="Part">The part that is cut out.</param>
/// <param name="IsFlipped">Whether it is mirrored.</param>
/// <param name="Brightness">Factor of the brightness; 1 changes nothing.</param>
/// <param name="Contrast">Factor of the contrast.</param>
/// <param name="Saturation">Factor of the saturation.</param>
internal readonly record struct AugmentationDraw(PixelBox Part, bool IsFlipped, double Brightness, double Contrast, double Saturation)
{
    private const int Tries = 10;

    /// <summary>Draws the changes; a pure function of its arguments.</summary>
    /// <param name="options">The ranges.</param>
    /// <param name="width">Columns of the picture.</param>
    /// <param name="height">Rows of the picture.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="row">Row of the picture.</param>
    /// <param name="epoch">Epoch, from 0.</param>
    public static AugmentationDraw Create(ImageAugmentation options, int width, int height, int seed, int row, int epoch)
    {
        var random = new SplitMix64(seed, row, epoch);
        var isFlipped = random.NextDouble() < options.FlipProbability;
        var brightness = Factor(ref random, options.Brightness);
        var contrast = Factor(ref random, options.Contrast);
        var saturation = Factor(ref random, options.Saturation);
        var part = options.IsCropped ? DrawPart(ref random, options, width, height) : new PixelBox(0, 0, width, height);
        return new AugmentationDraw(part, isFlipped, brightness, contrast, saturation);
    }

    private static double Factor(ref SplitMix64 random, double range) => random.Between(1 - range, 1 + range);

    /// <summary>A part whose share of the area is uniform and whose quotient of sides is uniform in its logarithm.</summary>
    /// <remarks>If ten such parts do not fit into the picture, the largest part in the centre whose quotient of sides is allowed.</remarks>
    private static PixelBox DrawPart(ref SplitMix64 random, ImageAugmentation options, int width, int height)
    {
        var largestLog = Math.Log(options.LargestAspectRatio);
        for (var i = 0; i < Tries; i++)
        {
            var area = random.Between(options.SmallestArea, 1) * width * height;
            var ratio = Math.Exp(random.Between(-largestLog, largestLog));
            var columns = Math.Round(Math.Sqrt(area * ratio));
            var rows = Math.Round(Math.Sqrt(area / ratio));
            if (columns >= 1 && rows >= 1 && columns <= width && rows <= height)
            {
                return new PixelBox(
                    random.Below(width - (int)columns + 1), random.Below(height - (int)rows + 1), (int)columns, (int)rows);
            }
        }
        var widest = (int)Math.Clamp(Math.Round(height * options.LargestAspectRatio), 1, width);
        var highest = (int)Math.Clamp(Math.Round(width * options.LargestAspectRatio), 1, height);
        return new PixelBox((width - widest) / 2, (height - highest) / 2, widest, highest);
    }
}
