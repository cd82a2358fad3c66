using System.Numerics;
using System.Runtime.InteropServices;

namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Resizes pictures with antialiasing, byte for byte as Pillow does, which the reference processors use.</summary>
/// <remarks>
/// A convolution along the rows, rounded to bytes, then one along the columns; an axis that keeps its size is left alone.
/// Only the wanted part of the result is computed. Cost: one multiplication a weight, channel and pixel of either pass.
/// </remarks>
internal static class Resampler
{
    private const int Half = 1 << (ResampleWeights.FractionBits - 1);

    /// <summary>Resizes a part of a picture, as if it were a picture of its own.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="part">The part, inside the picture.</param>
    /// <param name="width">Columns of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="filter">The kernel.</param>
    /// <returns>A new picture, or <paramref name="image"/> itself if nothing changes.</returns>
    public static RgbImage Resize(RgbImage image, PixelBox part, int width, int height, ResampleFilter filter) =>
        ResizeAndCrop(image, part, width, height, new PixelBox(0, 0, width, height), filter);

    /// <summary>Resizes a part of a picture and cuts a window out of the result.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="part">The part, inside the picture.</param>
    /// <param name="width">Columns of the whole resized part.</param>
    /// <param name="height">Rows of the whole resized part.</param>
    /// <param name="window">What is kept; black where it lies outside the resized part.</param>
    /// <param name="filter">The kernel.</param>
    /// <returns>A picture of the window's size; <paramref name="image"/> itself if nothing changes.</returns>
    public static RgbImage ResizeAndCrop(
        RgbImage image, PixelBox part, int width, int height, PixelBox window, ResampleFilter filter)
    {
        if (part == image.Bounds && window == image.Bounds && width == image.Width && height == image.Height)
        {
            return image;
        }
        var left = Math.Max(window.X, 0);
        var top = Math.Max(window.Y, 0);
        var columns = Math.Min(window.X + window.Width, width) - left;
        var rows = Math.Min(window.Y + window.Height, height) - top;
        var pixels = new byte[checked(window.Width * window.Height * RgbImage.Channels)];
        var across = ResampleWeights.Create(part.Width, width, left, columns, filter);
        var down = ResampleWeights.Create(part.Height, height, top, rows, filter);

        var firstRow = part.Height == height ? top : down.Firsts[0];
        var lastRow = part.Height == height ? top + rows - 1 : down.Firsts[^1] + down.Counts[^1] - 1;
        var narrow = new byte[checked((lastRow - firstRow + 1) * columns * RgbImage.Channels)];
        for (var y = firstRow; y <= lastRow; y++)
        {
            var from = image.Pixels.AsSpan((((part.Y + y) * image.Width) + part.X) * RgbImage.Channels, part.Width * RgbImage.Channels);
            var to = narrow.AsSpan((y - firstRow) * columns * RgbImage.Channels, columns * RgbImage.Channels);
            if (part.Width == width)
            {
                from.Slice(left * RgbImage.Channels, to.Length).CopyTo(to);
            }
            else
            {
                SumAcross(from, to, across);
            }
        }

        var sums = new int[columns * RgbImage.Channels];
        for (var y = 0; y < rows; y++)
        {
            var to = pixels.AsSpan((((top - window.Y + y) * window.Width) + left - window.X) * RgbImage.Channels, sums.Length);
            if (part.Height == height)
            {
                narrow.AsSpan(y * to.Length, to.Length).CopyTo(to);
            }
            else
            {
                SumDown(narrow.AsSpan((down.Firsts[y] - firstRow) * to.Length), to, down[y], sums);
            }
        }
        return new RgbImage(window.Width, window.Height, pixels);
    }

    private static void SumAcross(ReadOnlySpan<byte> from, Span<byte> to, ResampleWeights across)
    {
        for (var x = 0; x < across.Firsts.Length; x++)
        {
            int red = Half, green = Half, blue = Half;
            var weights = across[x];
            var source = from.Slice(across.Firsts[x] * RgbImage.Channels, weights.Length * RgbImage.Channels);
            for (var j = 0; j < weights.Length; j++)
            {
                var weight = weights[j];
                blue += source[(j * RgbImage.Channels) + 2] * weight;
                green += source[(j * RgbImage.Channels) + 1] * weight;
                red += source[j * RgbImage.Channels] * weight;
            }
            to[(x * RgbImage.Channels) + 2] = ToByte(blue);
            to[(x * RgbImage.Channels) + 1] = ToByte(green);
            to[x * RgbImage.Channels] = ToByte(red);
        }
    }

    private static void SumDown(ReadOnlySpan<byte> from, Span<byte> to, ReadOnlySpan<int> weights, Span<int> sums)
    {
        sums.Fill(Half);
        for (var j = 0; j < weights.Length; j++)
        {
            AddRow(from.Slice(j * to.Length, to.Length), weights[j], sums);
        }
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = ToByte(sums[i]);
        }
    }

    private static void AddRow(ReadOnlySpan<byte> row, int weight, Span<int> sums)
    {
        var factor = new Vector<int>(weight);
        var wide = MemoryMarshal.Cast<int, Vector<int>>(sums);
        var i = 0;
        for (; i + Vector<byte>.Count <= row.Length; i += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(row[i..]), out var low, out var high);
            Vector.Widen(low, out var first, out var second);
            Vector.Widen(high, out var third, out var fourth);
            var at = i / Vector<int>.Count;
            wide[at] += Vector.AsVectorInt32(first) * factor;
            wide[at + 1] += Vector.AsVectorInt32(second) * factor;
            wide[at + 2] += Vector.AsVectorInt32(third) * factor;
            wide[at + 3] += Vector.AsVectorInt32(fourth) * factor;
        }
        for (; i < row.Length; i++)
        {
            sums[i] += row[i] * weight;
        }
    }

    private static byte ToByte(int sum) => (byte)Math.Clamp(sum >> ResampleWeights.FractionBits, 0, 255);
}
