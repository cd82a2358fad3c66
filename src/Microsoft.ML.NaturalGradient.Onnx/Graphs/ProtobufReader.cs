using System.Text;

namespace Microsoft.ML.NaturalGradient.Serving;

/// <summary>Walks through the fields of one message of Google's protocol buffers.</summary>
/// <remarks>The wire format only: a field is a number and a varint, 8 bytes, a length with as many bytes, or 4 bytes. Groups, which ONNX does not have, are refused.</remarks>
internal ref struct ProtobufReader
{
    private const int Varint = 0;
    private const int EightBytes = 1;
    private const int Bytes = 2;
    private const int FourBytes = 5;

    private readonly ReadOnlySpan<byte> _message;
    private int _position;

    /// <summary>Begins before the first field.</summary>
    /// <param name="message">The message.</param>
    public ProtobufReader(ReadOnlySpan<byte> message)
    {
        _message = message;
    }

    /// <summary>Number of the field.</summary>
    public int Field { get; private set; }

    /// <summary>Its value, where that is a number.</summary>
    public long Number { get; private set; }

    /// <summary>Its value, where that is a text, bytes or a message.</summary>
    public ReadOnlySpan<byte> Content { get; private set; }

    /// <summary>The value as text.</summary>
    public readonly string Text => Encoding.UTF8.GetString(Content);

    /// <summary>Goes to the next field.</summary>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="InvalidDataException">The message is damaged.</exception>
    public bool MoveNext()
    {
        if (_position >= _message.Length)
        {
            return false;
        }

        var key = ReadVarint();
        Field = (int)(key >> 3);
        Number = 0;
        Content = default;
        switch ((int)(key & 7))
        {
            case Varint:
                Number = (long)ReadVarint();
                break;
            case EightBytes:
                Content = Take(8);
                break;
            case Bytes:
                Content = Take(ReadVarint());
                break;
            case FourBytes:
                Content = Take(4);
                break;
            default:
                throw Damaged();
        }

        return Field > 0 ? true : throw Damaged();
    }

    /// <summary>Reads a list of numbers that stand one behind the other.</summary>
    /// <param name="packed">The list.</param>
    public static List<long> Numbers(ReadOnlySpan<byte> packed)
    {
        var numbers = new List<long>();
        var reader = new ProtobufReader(packed);
        while (reader._position < packed.Length)
        {
            numbers.Add((long)reader.ReadVarint());
        }

        return numbers;
    }

    private ulong ReadVarint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = Take(1)[0];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw Damaged();
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_message.Length - _position))
        {
            throw Damaged();
        }

        var taken = _message.Slice(_position, (int)count);
        _position += (int)count;
        return taken;
    }

    private static InvalidDataException Damaged() => new("The file is damaged or cut, or it is no ONNX graph.");
}
