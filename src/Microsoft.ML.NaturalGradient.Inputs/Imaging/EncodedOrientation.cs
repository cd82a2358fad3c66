namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Turns the pixels of a decoder, as the camera stored them, into an upright picture.</summary>
/// <remarks>
/// EXIF's orientation says which side of the upright picture the first stored row is, and which the first stored column: 1 top and left,
/// 2 top and right, 3 bottom and right, 4 bottom and left, 5 left and top, 6 right and top, 7 right and bottom, 8 left and bottom.
/// Source: CIPA DC-008, "Exchangeable image file format for digital still cameras", tag 274.
/// </remarks>
internal static class EncodedOrientation
{
    /// <summary>Copies red, green and blue of stored pixels of four bytes to where they belong.</summary>
    /// <param name="stored">Stored pixels, <paramref name="stride"/> bytes a row.</param>
    /// <param name="width">Stored pixels of a row.</param>
    /// <param name="height">Stored rows.</param>
    /// <param name="stride">Bytes from one stored row to the next.</param>
    /// <param name="orientation">EXIF's orientation, 1 to 8.</param>
    /// <param name="isBlueFirst">Whether bytes are blue, green, red, alpha instead of red, green, blue, alpha.</param>
    /// <returns>The upright picture; alpha is left out.</returns>
    public static RgbImage Upright(
        ReadOnlySpan<byte> stored, int width, int height, int stride, int orientation, bool isBlueFirst)
    {
        var isTurned = orientation >= 5;
        var (outWidth, outHeight) = isTurned ? (height, width) : (width, height);
        var fromRight = orientation is 2 or 3 or 7 or 8; // the upright picture reads stored columns backwards
        var fromBottom = orientation is 3 or 4 or 6 or 7; // ... stored rows backwards
        long columnStep = fromRight ? -4 : 4;
        long rowStep = fromBottom ? -stride : stride;
        var first = (fromRight ? (width - 1) * 4L : 0) + (fromBottom ? (height - 1) * (long)stride : 0);
        var (stepX, stepY) = isTurned ? (rowStep, columnStep) : (columnStep, rowStep);
        var (red, blue) = isBlueFirst ? (2, 0) : (0, 2);

        var pixels = new byte[checked(outWidth * outHeight * RgbImage.Channels)];
        var to = 0;
        for (var y = 0; y < outHeight; y++)
        {
            var from = first + (y * stepY);
            for (var x = 0; x < outWidth; x++, from += stepX, to += RgbImage.Channels)
            {
                var at = (int)from;
                pixels[to] = stored[at + red];
                pixels[to + 1] = stored[at + 1];
                pixels[to + 2] = stored[at + blue];
            }
        }
        return new RgbImage(outWidth, outHeight, pixels);
    }
}
