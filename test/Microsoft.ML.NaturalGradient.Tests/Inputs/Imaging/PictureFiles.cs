using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

/// <summary>Writes kinds of files that SkiaSharp does not write.</summary>
internal static class PictureFiles
{
    /// <summary>PNG of any kind; rows are the bytes as the kind packs them.</summary>
    public static byte[] Png(int width, int height, byte bitDepth, byte colorType, IEnumerable<byte[]> rows, params (string Name, byte[] Data)[] chunks)
    {
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            foreach (var row in rows)
            {
                zlib.WriteByte(0); // no filter
                zlib.Write(row);
            }
        }
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (bitDepth, colorType);
        return [0x89, .. "PNG\r\n\u001A\n"u8, .. Chunk("IHDR", header), .. chunks.SelectMany(chunk => Chunk(chunk.Name, chunk.Data)),
            .. Chunk("IDAT", compressed.ToArray()), .. Chunk("IEND", [])];
    }

    /// <summary>BMP of 24 bits, upside down as usual, or with a negative height from the top.</summary>
    public static byte[] Bmp(RgbImage image, bool fromTop = false)
    {
        var stride = ((image.Width * 3) + 3) / 4 * 4;
        var file = new byte[54 + (stride * image.Height)];
        "BM"u8.CopyTo(file);
        foreach (var (at, value) in new[] { (2, file.Length), (10, 54), (14, 40), (18, image.Width), (22, fromTop ? -image.Height : image.Height), (26, 1 | (24 << 16)), (34, file.Length - 54) })
        {
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at), value);
        }
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
            {
                var at = 54 + ((fromTop ? y : image.Height - 1 - y) * stride) + (3 * x);
                (file[at + 2], file[at + 1], file[at]) = Pictures.At(image, x, y);
            }
        }
        return file;
    }

    /// <summary>GIF with a frame for each list of colour indices.</summary>
    public static byte[] Gif(int width, int height, (byte Red, byte Green, byte Blue)[] palette, params byte[][] frames)
    {
        var table = new byte[3 * 256];
        for (var i = 0; i < palette.Length; i++)
        {
            (table[3 * i], table[(3 * i) + 1], table[(3 * i) + 2]) = palette[i];
        }
        byte[] size = [(byte)width, (byte)(width >> 8), (byte)height, (byte)(height >> 8)];
        return [.. "GIF89a"u8, .. size, 0xF7, 0, 0, .. table,
            .. frames.SelectMany(frame => (byte[])[0x21, 0xF9, 4, 0, 10, 0, 0, 0, 0x2C, 0, 0, 0, 0, .. size, 0, 8, .. Blocks(frame), 0]), 0x3B];
    }

    /// <summary>A chunk of a PNG file.</summary>
    public static byte[] Chunk(string name, byte[] data)
    {
        byte[] content = [.. Encoding.ASCII.GetBytes(name), .. data];
        var ends = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(ends, data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(ends.AsSpan(4), Crc(content));
        return [.. ends[..4], .. content, .. ends[4..]];
    }

    // Nine-bit codes only: the table is cleared before it would need longer ones.
    private static byte[] Blocks(byte[] indices)
    {
        var codes = indices.Chunk(200).SelectMany(part => part.Select(index => (int)index).Prepend(256)).Append(257).ToArray();
        var bytes = new byte[((codes.Length * 9) + 7) / 8];
        for (var bit = 0; bit < codes.Length * 9; bit++)
        {
            bytes[bit / 8] |= (byte)((codes[bit / 9] >> (bit % 9) & 1) << (bit % 8));
        }
        return [.. bytes.Chunk(255).SelectMany(block => block.Prepend((byte)block.Length))];
    }

    private static uint Crc(byte[] bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }
        return ~crc;
    }
}
