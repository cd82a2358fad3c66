namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>The checksum of zip entries: CRC-32 with the polynomial 0x04C11DB7, reflected (ISO 3309, RFC 1952 section 8).</summary>
internal struct Crc32
{
    private const uint Polynomial = 0xEDB88320;
    private const int Slices = 8; // bytes at once: table n is for a byte with n bytes behind it

    private static readonly uint[][] Tables = CreateTables();

    private uint _state;

    /// <summary>The checksum of what was added so far.</summary>
    public readonly uint Value => _state;

    /// <summary>The checksum of a content.</summary>
    public static uint Of(ReadOnlySpan<byte> content)
    {
        var crc = new Crc32();
        crc.Add(content);
        return crc.Value;
    }

    /// <summary>Adds bytes.</summary>
    public void Add(ReadOnlySpan<byte> content)
    {
        var state = ~_state;
        for (; content.Length >= Slices; content = content[Slices..])
        {
            state = Tables[7][content[0] ^ (byte)state] ^ Tables[6][content[1] ^ (byte)(state >> 8)]
                ^ Tables[5][content[2] ^ (byte)(state >> 16)] ^ Tables[4][content[3] ^ (byte)(state >> 24)]
                ^ Tables[3][content[4]] ^ Tables[2][content[5]] ^ Tables[1][content[6]] ^ Tables[0][content[7]];
        }

        foreach (var value in content)
        {
            state = Tables[0][value ^ (byte)state] ^ (state >> 8);
        }

        _state = ~state;
    }

    private static uint[][] CreateTables()
    {
        var tables = Enumerable.Range(0, Slices).Select(_ => new uint[256]).ToArray();
        for (var value = 0u; value < 256; value++)
        {
            var state = value;
            for (var bit = 0; bit < 8; bit++)
            {
                state = (state & 1) == 0 ? state >> 1 : (state >> 1) ^ Polynomial;
            }

            tables[0][value] = state;
        }

        for (var slice = 1; slice < Slices; slice++)
        {
            for (var value = 0; value < 256; value++)
            {
                var before = tables[slice - 1][value];
                tables[slice][value] = (before >> 8) ^ tables[0][before & 0xFF];
            }
        }

        return tables;
    }
}
