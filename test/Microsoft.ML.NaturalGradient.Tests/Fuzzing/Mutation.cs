using System.Text;
using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Tests.Fuzzing;

/// <summary>Damages a file in ways that disks, networks, editors and attackers do.</summary>
internal static partial class Mutation
{
    private static readonly string[] Extremes =
    [
        "0", "-1", "1", "3", "65536", "24000", "50000000", "2147483647", "2147483648", "-2147483648", "9223372036854775807", "18446744073709551616",
        "1e308", "1e999", "-0.0", "1e-320", "0.5", "null", "true", "\"\"", "[]", "{}",
    ];

    private static readonly string[] Texts =
    [
        "\uFEFF", "/* comment */", "//\n", "\\ud800", "\\u0000", "\0", "\r\n", ",", "{", "}", "[[[[[[[[[[[[[[[[", "\"\"", "(a+)+$", "\u0301\u0301\u0301", "\U0001F600",
    ];

    /// <summary>One value replaced, so that the file stays well formed; or one to three changes of any kind.</summary>
    /// <param name="original">The file; not modified.</param>
    /// <param name="random">Decides all.</param>
    public static byte[] Apply(byte[] original, Random random)
    {
        if (random.Next(2) == 0)
        {
            return WithExtreme(original, random);
        }

        var content = original;
        for (var left = 1 + random.Next(3); left > 0; left--)
        {
            content = Once(content, random);
        }

        return content;
    }

    /// <summary>The same file with one bit turned over.</summary>
    public static byte[] FlipBit(byte[] original, Random random)
    {
        var content = original.ToArray();
        content[random.Next(content.Length)] ^= (byte)(1 << random.Next(8));
        return content;
    }

    private static byte[] Once(byte[] content, Random random)
    {
        if (content.Length == 0)
        {
            return [(byte)random.Next(256)];
        }

        var at = random.Next(content.Length);
        var length = Math.Min(1 + random.Next(random.Next(2) == 0 ? 8 : 200), content.Length - at);
        switch (random.Next(11))
        {
            case 0 or 1:
                return FlipBit(content, random);
            case 2:
                return content[..at];
            case 3:
                return [.. content[..at], .. Encoding.UTF8.GetBytes(Texts[random.Next(Texts.Length)]), .. content[at..]];
            case 4:
                return [.. content[..at], .. content[(at + length)..]];
            case 5:
                return [.. content[..(at + length)], .. content[at..]]; // a piece twice, for example a key
            case 6:
                var noise = new byte[length];
                random.NextBytes(noise);
                return [.. content[..at], .. noise, .. content[(at + length)..]];
            case 7:
                var same = content.ToArray();
                same.AsSpan(at, length).Fill(random.Next(2) == 0 ? (byte)0 : (byte)0xFF);
                return same;
            default:
                return WithExtreme(content, random);
        }
    }

    // Latin-1 keeps every byte, so that this works on files that are only partly text.
    private static byte[] WithExtreme(byte[] content, Random random)
    {
        const int window = 1 << 16;
        var start = random.Next(2) * random.Next(Math.Max(1, content.Length - window));
        var text = Encoding.Latin1.GetString(content, start, Math.Min(window, content.Length - start));
        var values = Values().Matches(text);
        if (values.Count == 0)
        {
            return FlipBit(content, random);
        }

        var value = values[random.Next(values.Count)];
        return
        [
            .. content[..(start + value.Index)], .. Encoding.Latin1.GetBytes(Extremes[random.Next(Extremes.Length)]),
            .. content[(start + value.Index + value.Length)..],
        ];
    }

    [GeneratedRegex("-?[0-9]+(\\.[0-9]+)?(e-?[0-9]+)?|true|false|null|\"[^\"]{0,40}\"")]
    private static partial Regex Values();
}
