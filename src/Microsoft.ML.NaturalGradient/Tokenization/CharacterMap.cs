using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>The character replacements inside a SentencePiece model (<c>precompiled_charsmap</c>), for example NFKC with spaces unified.</summary>
/// <remarks>
/// At each place the longest sequence that the map knows is replaced, as SentencePiece itself does; Hugging Face tokenizers replaces by
/// grapheme and by the shortest sequence, which differs for letters with several combining marks. The map is a double-array trie over UTF-8
/// bytes (Aoe, An efficient digital search algorithm by using a double-array structure, 1989) in the layout of darts-clone.
/// </remarks>
internal sealed class CharacterMap
{
    private readonly uint[] _units;
    private readonly byte[] _replacements;
    private readonly SearchValues<char> _untouched;
    private readonly string _description;

    /// <summary>Reads a map.</summary>
    /// <param name="map">Size of the trie, trie, replacements that end with a zero byte.</param>
    /// <param name="description">Where the map is from, in words for error messages.</param>
    /// <exception cref="InvalidDataException">The map is damaged.</exception>
    public CharacterMap(ReadOnlySpan<byte> map, string description)
    {
        _description = description;
        var size = map.Length < 4 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(map);
        if (size > map.Length - 4 || size % 4 != 0 || size == 0 || map[^1] != 0)
        {
            throw Damaged();
        }

        _units = new uint[size / 4];
        for (var n = 0; n < _units.Length; n++)
        {
            _units[n] = BinaryPrimitives.ReadUInt32LittleEndian(map[(4 + (4 * n))..]);
        }

        _replacements = map[(int)(4 + size)..].ToArray();
        _untouched = SearchValues.Create([.. Enumerable.Range(0, 128).Where(IsUntouched).Select(code => (char)code)]);
    }

    /// <summary>Replaces what the map knows.</summary>
    /// <param name="text">Text without lone surrogates.</param>
    public string Apply(string text)
    {
        if (!text.AsSpan().ContainsAnyExcept(_untouched))
        {
            return text;
        }

        var bytes = Encoding.UTF8.GetBytes(text);
        var result = new ArrayBufferWriter<byte>(bytes.Length + 16);
        for (var position = 0; position < bytes.Length;)
        {
            var rest = bytes.AsSpan(position);
            if (TryFind(rest, out var length, out var value))
            {
                result.Write(Replacement(value));
            }
            else
            {
                _ = Rune.DecodeFromUtf8(rest, out _, out length);
                result.Write(rest[..length]);
            }

            position += length;
        }

        return Encoding.UTF8.GetString(result.WrittenSpan);
    }

    // Whether the map leaves the ASCII character alone whatever ASCII character follows.
    private bool IsUntouched(int code) =>
        !TryFind([(byte)code], out _, out _) && Enumerable.Range(0, 128).All(next => !TryFind([(byte)code, (byte)next], out _, out _));

    /// <summary>The longest sequence of the map at the beginning of a text.</summary>
    private bool TryFind(ReadOnlySpan<byte> text, out int length, out int value)
    {
        (length, value) = (0, 0);
        var node = Offset(Unit(0));
        for (var n = 0; n < text.Length; n++)
        {
            node ^= text[n];
            var unit = Unit(node);
            if ((unit & 0x800000FF) != text[n])
            {
                break;
            }

            node ^= Offset(unit);
            if ((unit & 0x100) != 0)
            {
                (length, value) = (n + 1, (int)(Unit(node) & 0x7FFFFFFF));
            }
        }

        return length > 0;
    }

    private ReadOnlySpan<byte> Replacement(int start)
    {
        var rest = start < _replacements.Length ? _replacements.AsSpan(start) : throw Damaged();
        return rest[..rest.IndexOf((byte)0)]; // the last byte is zero
    }

    private uint Unit(uint node) => node < (uint)_units.Length ? _units[node] : throw Damaged();

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);

    private InvalidDataException Damaged() => new(
        $"The character map (precompiled_charsmap) in {_description} is damaged. Download the file again.");
}
