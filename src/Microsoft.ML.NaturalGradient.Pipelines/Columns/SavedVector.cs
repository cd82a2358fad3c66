namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Looks at a vector that ML.NET's <c>BinarySaver</c> has written before ML.NET reads it.</summary>
/// <remarks>
/// ML.NET makes room for as many values as such a stream says, and reads a type that says more than it has for ever. Layout, all numbers little-endian:
/// the codec <c>VBuffer</c>, the bytes of its parameters (codec of the values, the number of sizes, the sizes); then the number of vectors, their length,
/// for each how many values it has (-1 for all), the number of indices, the indices, the values. Texts begin with their number.
/// </remarks>
internal static class SavedVector
{
    private const string VectorCodec = "VBuffer";
    private const string TextCodec = "TextSpan";

    /// <summary>Whether what follows is one vector that says of itself what it should.</summary>
    /// <param name="reader">The model stream; its position stays.</param>
    /// <param name="length">Length of the vector.</param>
    public static bool IsLegal(BinaryReader reader, int length)
    {
        var start = reader.BaseStream.Position;
        try
        {
            return reader.ReadString() == VectorCodec && ReadType(reader, length) is { } codec && HasValues(reader, length, codec);
        }
        finally
        {
            reader.BaseStream.Position = start;
        }
    }

    /// <summary>The codec of the values; null where the type is another.</summary>
    private static string? ReadType(BinaryReader reader, int length)
    {
        var end = reader.Read7BitEncodedInt64() + reader.BaseStream.Position;
        var codec = reader.ReadString();
        var parameters = reader.Read7BitEncodedInt64();
        if (parameters < 0 || parameters > end - reader.BaseStream.Position)
        {
            return null;
        }

        reader.BaseStream.Position += parameters;
        return reader.ReadInt32() == 1 && reader.ReadInt32() == length && reader.BaseStream.Position == end ? codec : null;
    }

    private static bool HasValues(BinaryReader reader, int length, string codec)
    {
        if (reader.ReadInt32() != 1 || reader.ReadInt32() != length)
        {
            return false;
        }

        var count = reader.ReadInt32();
        var indices = Math.Max(count, 0);
        if (count < -1 || count > length || reader.ReadInt32() != indices)
        {
            return false;
        }

        reader.BaseStream.Position += sizeof(int) * (long)indices;
        return codec != TextCodec || reader.ReadInt32() == (count < 0 ? length : count);
    }
}
