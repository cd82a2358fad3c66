using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

/// <summary>Adds EXIF's orientation to picture files, in each way that programs write it.</summary>
internal static class ExifFiles
{
    /// <summary>The ways.</summary>
    public static readonly string[] Ways =
    [
        "jpeg", "jpeg little-endian", "png", "png little-endian", "png after the pixels", "png tEXt", "png zTXt", "png iTXt", "png APP1",
        "webp", "webp little-endian", "webp as in JPEG",
    ];

    /// <summary>The file with an orientation.</summary>
    /// <param name="file">A file without one, of the format that the way begins with.</param>
    /// <param name="way">One of <see cref="Ways"/>.</param>
    /// <param name="orientation">The orientation, 1 to 8 if valid.</param>
    public static byte[] With(byte[] file, string way, int orientation)
    {
        var tiff = Tiff(orientation, way.EndsWith("little-endian", StringComparison.Ordinal));
        byte[] jpegExif = [.. "Exif\0\0"u8, .. tiff];
        return way.Split(' ', 2) switch
        {
            ["jpeg", ..] => [.. file[..2], 0xFF, 0xE1, 0, (byte)(jpegExif.Length + 2), .. jpegExif, .. file[2..]],
            ["png", "after the pixels"] => [.. file[..^12], .. PictureFiles.Chunk("eXIf", tiff), .. file[^12..]],
            ["png", "tEXt"] => PngWith(file, "tEXt", [.. "Raw profile type exif\0"u8, .. Profile("exif", jpegExif)]),
            ["png", "APP1"] => PngWith(file, "tEXt", [.. "Raw profile type APP1\0"u8, .. Profile("generic profile", jpegExif)]),
            ["png", "zTXt"] => PngWith(file, "zTXt", [.. "Raw profile type exif\0\0"u8, .. Deflate(Profile("exif", jpegExif))]),
            ["png", "iTXt"] => PngWith(file, "iTXt", [.. "Raw profile type exif\0\u0001\0en\0Profil\0"u8, .. Deflate(Profile("exif", tiff))]),
            ["png", ..] => PngWith(file, "eXIf", tiff),
            ["webp", "as in JPEG"] => Webp(file, jpegExif),
            _ => Webp(file, tiff),
        };
    }

    /// <summary>A PNG file with a chunk behind its header.</summary>
    public static byte[] PngWith(byte[] png, string name, byte[] data) => [.. png[..33], .. PictureFiles.Chunk(name, data), .. png[33..]];

    /// <summary>A compressed text chunk that says that it is EXIF.</summary>
    public static byte[] PackedText(byte[] text) => [.. "Raw profile type exif\0\0"u8, .. Deflate(text)];

    /// <summary>EXIF with two entries, of which the second is the orientation.</summary>
    public static byte[] Tiff(int orientation, bool isLittle = false)
    {
        ushort[] before = [2, 0x010F, 2, 0, 1, 0, 0, 0x0112, 3, 0, 1, (ushort)orientation, 0, 0, 0]; // as big-endian words
        ushort[] words = isLittle ? [2, 0x010F, 2, 1, 0, 0, 0, 0x0112, 3, 1, 0, (ushort)orientation, 0, 0, 0] : before;
        var bytes = new byte[8 + (2 * words.Length)];
        (isLittle ? "II*\0\b\0\0\0"u8 : "MM\0*\0\0\0\b"u8).CopyTo(bytes);
        for (var n = 0; n < words.Length; n++)
        {
            var to = bytes.AsSpan(8 + (2 * n));
            if (isLittle)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(to, words[n]);
            }
            else
            {
                BinaryPrimitives.WriteUInt16BigEndian(to, words[n]);
            }
        }
        return bytes;
    }

    // The extended layout: flags, size of the picture, then the chunks of the simple one.
    private static byte[] Webp(byte[] file, byte[] exif)
    {
        var (width, height) = (BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(26)) & 0x3FFF, BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(28)) & 0x3FFF);
        byte[] odd = exif.Length % 2 == 0 ? [] : [0];
        byte[] chunks =
        [
            .. "VP8X"u8, 10, 0, 0, 0, 8, 0, 0, 0, (byte)(width - 1), 0, 0, (byte)(height - 1), 0, 0,
            .. file[12..], .. "EXIF"u8, (byte)exif.Length, 0, 0, 0, .. exif, .. odd,
        ];
        var size = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(size, chunks.Length + 4);
        return [.. "RIFF"u8, .. size, .. "WEBP"u8, .. chunks];
    }

    private static byte[] Profile(string name, byte[] exif)
    {
        var lines = Convert.ToHexStringLower(exif).Chunk(72).Select(line => new string(line));
        return Encoding.ASCII.GetBytes($"\n{name}\n{exif.Length,8}\n{string.Join('\n', lines)}\n");
    }

    private static byte[] Deflate(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zlib.Write(bytes);
        }
        return compressed.ToArray();
    }
}
