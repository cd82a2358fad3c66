namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Changes brightness, then contrast, then saturation of a picture; each result is limited to 0 to 255, and rounded at the end.</summary>
internal static class ColorJitter
{
    /// <summary>Multiplies values by b; their distance from the mean grey by c; their distance from their pixel's grey by s.</summary>
    /// <remarks>Grey is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).</remarks>
    /// <param name="image">The picture; not modified.</param>
    /// <param name="brightness">Factor b, zero or greater.</param>
    /// <param name="contrast">Factor c, zero or greater.</param>
    /// <param name="saturation">Factor s, zero or greater.</param>
    /// <returns>The picture; <paramref name="image"/> itself if every factor is 1.</returns>
    public static RgbImage Apply(RgbImage image, double brightness, double contrast, double saturation)
    {
        if (brightness == 1 && contrast == 1 && saturation == 1)
        {
            return image;
        }
        var (b, c, s) = ((float)brightness, (float)contrast, (float)saturation);
        var from = image.Pixels;
        var mean = MeanGrey(from, b);
        var to = new byte[from.Length];
        for (var i = 0; i < to.Length; i += RgbImage.Channels)
        {
            var red = Limit(mean + (c * (Limit(from[i] * b) - mean)));
            var green = Limit(mean + (c * (Limit(from[i + 1] * b) - mean)));
            var blue = Limit(mean + (c * (Limit(from[i + 2] * b) - mean)));
            var grey = Grey(red, green, blue);
            to[i] = ToByte(grey + (s * (red - grey)));
            to[i + 1] = ToByte(grey + (s * (green - grey)));
            to[i + 2] = ToByte(grey + (s * (blue - grey)));
        }
        return new RgbImage(image.Width, image.Height, to);
    }

    private static float MeanGrey(byte[] pixels, float brightness)
    {
        var sum = 0.0;
        for (var i = 0; i < pixels.Length; i += RgbImage.Channels)
        {
            sum += Grey(Limit(pixels[i] * brightness), Limit(pixels[i + 1] * brightness), Limit(pixels[i + 2] * brightness));
        }
        return (float)(sum * RgbImage.Channels / pixels.Length);
    }

    private static float Grey(float red, float green, float blue) => (0.299f * red) + (0.587f * green) + (0.114f * blue);

    private static float Limit(float value) => Math.Clamp(value, 0, 255);

    private static byte ToByte(float value) => (byte)(Limit(value) + 0.5f);
}
