namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>A decoded picture: red, green and blue, a byte each, row after row from the top, upright.</summary>
internal sealed class RgbImage
{
    /// <summary>Bytes of a pixel.</summary>
    public const int Channels = 3;

    /// <summary>Takes pixels.</summary>
    /// <param name="width">Pixels of a row, at least one.</param>
    /// <param name="height">Rows, at least one.</param>
    /// <param name="pixels">Red, green, blue of each pixel, [height, width, 3]; kept, must not change.</param>
    /// <exception cref="ArgumentException">The number of bytes does not fit the size.</exception>
    public RgbImage(int width, int height, byte[] pixels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentNullException.ThrowIfNull(pixels);
        if (pixels.Length != (long)width * height * Channels)
        {
            throw new ArgumentException(
                FormattableString.Invariant($"{pixels.Length} bytes are not {width} x {height} pixels of {Channels}."), nameof(pixels));
        }
        Width = width;
        Height = height;
        Pixels = pixels;
    }

    /// <summary>Pixels of a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Red, green, blue of each pixel, [height, width, 3]; must not be changed.</summary>
    public byte[] Pixels { get; }

    /// <summary>The whole picture as a rectangle.</summary>
    public PixelBox Bounds => new(0, 0, Width, Height);
}
