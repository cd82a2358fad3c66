using System.Text;

namespace Samples;

/// <summary>Decodes a text file: by its byte-order mark, else as UTF-16 or UTF-8 if its bytes allow, else as Windows-1252, which Excel writes.</summary>
internal static class TextEncoding
{
    private const string Usual = "such as windows-1252, windows-1251, iso-8859-2, shift_jis or gb18030";

    private static readonly (byte[] Mark, string Name)[] Marks =
    [
        ([0xEF, 0xBB, 0xBF], "utf-8"), ([0xFF, 0xFE, 0, 0], "utf-32"), ([0, 0, 0xFE, 0xFF], "utf-32BE"), ([0xFF, 0xFE], "utf-16"), ([0xFE, 0xFF], "utf-16BE"),
    ];

    /// <summary>Decodes a file.</summary>
    /// <param name="bytes">Its content.</param>
    /// <param name="file">The file, for messages.</param>
    /// <param name="name">Name of its encoding; null to find it.</param>
    /// <returns>The text, and its encoding in words.</returns>
    /// <exception cref="UsageException">The bytes are no text of the encoding, or of none that can be found.</exception>
    public static (string Text, string Encoding) Decode(byte[] bytes, string file, string? name)
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        var (mark, marked) = Array.Find(Marks, known => bytes.AsSpan().StartsWith(known.Mark));
        if (name is not null)
        {
            return (Strict(bytes, marked is not null && Named(name).WebName == Named(marked).WebName ? mark.Length : 0, Named(name), file), Named(name).WebName);
        }

        if ((marked ?? UnmarkedUtf16(bytes)) is { } found)
        {
            return (Strict(bytes, mark?.Length ?? 0, Named(found), file), Named(found).WebName);
        }

        if (Array.IndexOf(bytes, (byte)0) is >= 0 and var zero)
        {
            throw new UsageException($"\"{file}\" is not a text file: byte {zero + 1} is zero. Save it as text, with commas or tabs between the columns.");
        }

        try
        {
            return (new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes), "utf-8");
        }
        catch (DecoderFallbackException exception)
        {
            return Windows(bytes, file, exception.Index);
        }
    }

    private static (string Text, string Encoding) Windows(byte[] bytes, string file, int wrong)
    {
        var windows = Named("windows-1252");
        var place = $"byte {wrong + 1}, 0x{bytes[wrong]:X2}, is not UTF-8";
        if (Array.FindIndex(bytes, value => value is 0x81 or 0x8D or 0x8F or 0x90 or 0x9D) is >= 0 and var unused)
        {
            throw new UsageException(
                $"The encoding of \"{file}\" cannot be told: {place}, and byte {unused + 1}, 0x{bytes[unused]:X2}, is not Windows-1252. "
                + $"Save the file as UTF-8, or name its encoding with --encoding, {Usual}.");
        }

        var text = windows.GetString(bytes);
        return (text, $"windows-1252 ({place}; if \"{WordAt(text, wrong)}\" looks wrong, name the encoding with --encoding)");
    }

    // The header is mostly ASCII, of which UTF-16 makes every other byte zero.
    private static string? UnmarkedUtf16(byte[] bytes)
    {
        var start = bytes.AsSpan(0, Math.Min(bytes.Length, 64) / 2 * 2);
        var (even, odd) = (0, 0);
        for (var n = 0; n < start.Length; n += 2)
        {
            even += start[n] == 0 ? 1 : 0;
            odd += start[n + 1] == 0 ? 1 : 0;
        }

        return (even, odd) switch
        {
            (0, > 0) when odd * 4 > start.Length => "utf-16",
            ( > 0, 0) when even * 4 > start.Length => "utf-16BE",
            _ => null,
        };
    }

    private static string WordAt(string text, int place)
    {
        var (start, end) = (place, place + 1);
        for (; start > 0 && char.IsLetter(text[start - 1]); start--)
        {
        }

        for (; end < text.Length && char.IsLetter(text[end]); end++)
        {
        }

        return text[start..end];
    }

    private static string Strict(byte[] bytes, int start, Encoding encoding, string file)
    {
        try
        {
            var strict = (Encoding)encoding.Clone();
            strict.DecoderFallback = DecoderFallback.ExceptionFallback;
            return strict.GetString(bytes.AsSpan(start));
        }
        catch (DecoderFallbackException exception)
        {
            throw new UsageException(
                $"\"{file}\" is not {encoding.WebName} as it says: byte {start + exception.Index + 1} cannot be decoded. Save it as UTF-8, or name its encoding with --encoding, {Usual}.");
        }
    }

    private static Encoding Named(string name)
    {
        try
        {
            return Encoding.GetEncoding(name);
        }
        catch (ArgumentException)
        {
            throw new UsageException($"There is no encoding \"{name}\". Name one {Usual}.");
        }
    }
}
