using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Finds EXIF's orientation in every kind of file that is decoded and can carry one: JPEG, PNG, WebP.</summary>
/// <remarks>
/// SkiaSharp 2.88 knows that of JPEG, and of WebP unless the data begin as in JPEG. Sources: Portable Network Graphics (third edition), chunk
/// <c>eXIf</c>, and the text "Raw profile type exif" by which ImageMagick kept it before there was such a chunk; WebP Container Specification.
/// </remarks>
internal static class ExifOrientation
{
    private const int Upright = 1;
    private const int Tag = 274;
    private const int MostTextBytes = 4 * 1024 * 1024; // of all texts of a file: they may be far larger than any EXIF, and many
    private const int FewestTextBytes = 1024; // that a text counts, however short it is
    private const int PieceBytes = 4096;

    /// <summary>The orientation of a file, 1 to 8; 1 when it does not tell one that is valid.</summary>
    /// <param name="file">The file's content.</param>
    /// <param name="codec">Its decoder.</param>
    public static int Of(ReadOnlySpan<byte> file, SKCodec codec) => codec.EncodedFormat switch
    {
        SKEncodedImageFormat.Png => OfPng(file),
        SKEncodedImageFormat.Webp => OfWebp(file),
        _ => (int)codec.EncodedOrigin,
    };

    private static int OfPng(ReadOnlySpan<byte> file)
    {
        var profile = Upright;
        var textBytes = MostTextBytes;
        for (var rest = file[Math.Min(8, file.Length)..]; rest.Length >= 12;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - 12)
            {
                break;
            }

            var name = rest[4..8];
            var data = rest.Slice(8, (int)length);
            if (name.SequenceEqual("eXIf"u8))
            {
                return OfTiff(data);
            }

            if (textBytes > 0 && (name[1..].SequenceEqual("EXt"u8) || name[1..].SequenceEqual("TXt"u8)))
            {
                profile = RawProfile(data, name[0] == 'z', name[0] == 'i', ref textBytes) is { } exif ? OfTiff(exif) : profile;
            }

            rest = rest[(12 + (int)length)..];
        }

        return profile;
    }

    private static int OfWebp(ReadOnlySpan<byte> file)
    {
        for (var rest = file[Math.Min(12, file.Length)..]; rest.Length >= 8;)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
            if (length > rest.Length - 8)
            {
                break;
            }

            if (rest[..4].SequenceEqual("EXIF"u8))
            {
                return OfTiff(rest.Slice(8, (int)length));
            }

            rest = rest[Math.Min(rest.Length, 8 + (int)length + (int)(length % 2))..];
        }

        return Upright;
    }

    private static int OfTiff(ReadOnlySpan<byte> exif)
    {
        if (exif.StartsWith("Exif\0\0"u8))
        {
            exif = exif[6..];
        }

        var isLittle = exif.StartsWith("II*\0"u8);
        if (exif.Length < 8 || !(isLittle || exif.StartsWith("MM\0*"u8)))
        {
            return Upright;
        }

        var start = isLittle ? BinaryPrimitives.ReadUInt32LittleEndian(exif[4..]) : BinaryPrimitives.ReadUInt32BigEndian(exif[4..]);
        if (start > exif.Length - 2)
        {
            return Upright;
        }

        var entries = exif[((int)start + 2)..];
        for (int n = 0, count = Short(exif[(int)start..], isLittle); n < count && entries.Length >= 12; n++, entries = entries[12..])
        {
            if (Short(entries, isLittle) == Tag)
            {
                const ushort shortType = 3;
                var value = Short(entries[2..], isLittle) == shortType ? Short(entries[8..], isLittle) : Upright;
                return value is >= 1 and <= 8 ? value : Upright;
            }
        }

        return Upright;
    }

    private static ushort Short(ReadOnlySpan<byte> bytes, bool isLittle) =>
        isLittle ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    /// <summary>The EXIF of a text chunk: a line with its name, a line with its length, hexadecimal digits.</summary>
    /// <param name="chunk">The chunk's data.</param>
    /// <param name="isCompressed">Whether the text is compressed; an international one tells it itself.</param>
    /// <param name="isInternational">Whether it has two more fields.</param>
    /// <param name="mostBytes">How much text is read at most; becomes less by what was read.</param>
    private static byte[]? RawProfile(ReadOnlySpan<byte> chunk, bool isCompressed, bool isInternational, ref int mostBytes)
    {
        var keyword = chunk.IndexOf((byte)0);
        if (keyword < 0 || !(chunk[..keyword].SequenceEqual("Raw profile type exif"u8) || chunk[..keyword].SequenceEqual("Raw profile type APP1"u8)))
        {
            return null;
        }

        var data = chunk[(keyword + 1)..];
        if (isInternational)
        {
            isCompressed = data.StartsWith((byte)1);
            data = After(After(data[Math.Min(2, data.Length)..])); // language, translated keyword
        }
        else if (isCompressed)
        {
            data = data[Math.Min(1, data.Length)..];
        }

        var text = isCompressed ? Inflate(data, mostBytes, out var length) : data[..(length = Math.Min(data.Length, mostBytes))];
        mostBytes -= Math.Max(length, FewestTextBytes);
        var lines = Encoding.Latin1.GetString(text).TrimStart('\n').Split('\n', 3);
        var digits = lines.Length < 3 ? string.Empty : string.Concat(lines[2].Where(char.IsAsciiHexDigit));
        return Convert.FromHexString(digits.AsSpan(0, digits.Length / 2 * 2));

        static ReadOnlySpan<byte> After(ReadOnlySpan<byte> text) => text[(text.IndexOf((byte)0) + 1)..];
    }

    private static byte[] Inflate(ReadOnlySpan<byte> data, int mostBytes, out int length)
    {
        using var zlib = new ZLibStream(new MemoryStream(data.ToArray()), CompressionMode.Decompress);
        using var text = new MemoryStream();
        var piece = new byte[PieceBytes];
        length = 0;
        try
        {
            for (int count; (count = zlib.Read(piece, 0, Math.Min(piece.Length, mostBytes - length))) > 0; length += count)
            {
                text.Write(piece, 0, count);
            }

            return text.ToArray();
        }
        catch (InvalidDataException)
        {
            return []; // a damaged text tells no orientation, as for a decoder that passes over texts
        }
    }
}
