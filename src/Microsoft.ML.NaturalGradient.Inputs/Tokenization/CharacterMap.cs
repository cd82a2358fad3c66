using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>The character replacements inside a SentencePiece model (<c>precompiled_charsmap</c>), for example NFKC with spaces unified.</summary>
/// <remarks>
/// At each place the longest sequence that the map knows is replaced, as SentencePiece itself does, with which the models were trained. Hugging
/// Face tokenizers goes by grapheme: one of under six bytes becomes what the shortest sequence at its beginning becomes, and the rest of it is
/// lost; of longer ones each character is replaced for itself. That drops marks behind a letter that has another one already and behind
/// characters that the map replaces for themselves (no-break space, full-width letters, ligatures), also U+200D and variation selectors there,
/// makes one space of CR LF, and leaves Hangul jamo, kana with a separate voiced mark and a few pairs of Indic marks uncomposed. The map is a double-array trie over UTF-8
/// bytes (Aoe, An efficient digital search algorithm by using a double-array structure, 1989) in the layout of darts-clone.
/// </remarks>
internal sealed class CharacterMap
{
    private const int LongestSequence = 256; // in bytes, of those that are replaced: a damaged trie may go round in circles
    private const int MostBytes = 3; // that UTF-8 has for a UTF-16 unit

    private readonly uint[] _units;
    private readonly byte[] _replacements;
    private readonly SearchValues<byte> _untouched;
    private readonly SearchValues<char> _untouchedCharacters;
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
        byte[] untouched = [.. Enumerable.Range(0, 128).Select(code => (byte)code).Where(IsUntouched)];
        _untouched = SearchValues.Create(untouched);
        _untouchedCharacters = SearchValues.Create([.. untouched.Select(code => (char)code)]);
    }

    /// <summary>The replacements as a step of text cleaning.</summary>
    public TextCleaning Cleaning => new(Apply, WorksInParts: false);

    /// <summary>Replaces what the map knows.</summary>
    /// <param name="text">Text without lone surrogates.</param>
    /// <param name="most">How long the result may be.</param>
    /// <exception cref="InvalidDataException">The map is damaged, or the result would be longer.</exception>
    public string Apply(string text, int most = int.MaxValue)
    {
        if (!text.AsSpan().ContainsAnyExcept(_untouchedCharacters))
        {
            return text;
        }

        var bytes = Encoding.UTF8.GetBytes(text);
        var result = new ArrayBufferWriter<byte>(bytes.Length + 16);
        for (var position = 0; position < bytes.Length;)
        {
            var rest = bytes.AsSpan(position);
            var untouched = rest.IndexOfAnyExcept(_untouched);
            if (untouched is < 0 or > 1)
            {
                var copied = untouched < 0 ? rest.Length : untouched - 1; // the last one may begin a sequence that goes on beyond ASCII
                result.Write(rest[..copied]);
                position += copied;
            }
            else if (TryFind(rest, out var length, out var value))
            {
                var replacement = Replacement(value);
                TextCleaning.CheckLength(((long)result.WrittenCount + replacement.Length) / MostBytes, most);
                result.Write(replacement);
                position += length;
            }
            else
            {
                _ = Rune.DecodeFromUtf8(rest, out _, out length);
                result.Write(rest[..length]);
                position += length;
            }
        }

        return Encoding.UTF8.GetString(result.WrittenSpan);
    }

    // Whether no sequence of the map is this ASCII character or begins with it and another.
    private bool IsUntouched(byte code) =>
        !TryFind([code], out _, out _) && Enumerable.Range(0, 128).All(next => Walk([code, (byte)next], out _, out _) < 2);

    /// <summary>The longest sequence of the map at the beginning of a text.</summary>
    private bool TryFind(ReadOnlySpan<byte> text, out int length, out int value)
    {
        _ = Walk(text, out length, out value);
        return length > 0;
    }

    /// <summary>How many bytes some sequence of the map begins with, and the longest sequence among them.</summary>
    private int Walk(ReadOnlySpan<byte> text, out int length, out int value)
    {
        (length, value) = (0, 0);
        var node = Offset(Unit(0));
        var end = Math.Min(text.Length, LongestSequence);
        for (var n = 0; n < end; n++)
        {
            node ^= text[n];
            var unit = Unit(node);
            if ((unit & 0x800000FF) != text[n])
            {
                return n;
            }

            node ^= Offset(unit);
            if ((unit & 0x100) != 0)
            {
                (length, value) = (n + 1, (int)(Unit(node) & 0x7FFFFFFF));
            }
        }

        return end;
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
