using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Writes safetensors files, byte for byte as the reference implementation does.</summary>
/// <remarks>
/// Tensors are ordered by element type, widest first (I64, F64, F32, I32, BF16, F16, I16, I8, U8, BOOL), then by name, so equal
/// content makes equal files and every tensor is aligned to its element. Spaces pad the header to a multiple of 8 bytes.
/// </remarks>
internal static class SafetensorsFormat
{
    private const int Alignment = 8;
    private const string MetadataName = "__metadata__";

    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a file from the stream's position on; the stream stays open.</summary>
    /// <param name="stream">Where to; useless if an exception ends the writing.</param>
    /// <param name="parts">The tensors, in any order; names must differ.</param>
    /// <param name="metadata">Free text for readers; null for none.</param>
    /// <exception cref="ArgumentException">A name occurs twice or is reserved.</exception>
    public static void Write(Stream stream, IEnumerable<SafetensorsPart> parts, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = parts.OrderByDescending(part => part.Type).ThenBy(part => part.Name, StringComparer.Ordinal).ToArray();
        CheckNames(ordered);

        var header = Header(ordered, metadata);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var part in ordered)
        {
            part.Write(stream);
        }
    }

    private static void CheckNames(SafetensorsPart[] parts)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var part in parts)
        {
            if (part.Name == MetadataName || !names.Add(part.Name))
            {
                throw new ArgumentException(
                    $"The name '{part.Name}' is reserved or occurs twice. Give every tensor a name of its own.", nameof(parts));
            }
        }
    }

    private static byte[] Header(SafetensorsPart[] parts, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, JsonOptions))
        {
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject(MetadataName);
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }
                json.WriteEndObject();
            }
            var offset = 0L;
            foreach (var part in parts)
            {
                var size = part.Shape.Aggregate((long)part.Type.Size(), (product, length) => product * length);
                json.WriteStartObject(part.Name);
                json.WriteString("dtype", part.Type.ToString());
                WriteIntegers(json, "shape", part.Shape);
                WriteIntegers(json, "data_offsets", offset, offset + size);
                json.WriteEndObject();
                offset += size;
            }
            json.WriteEndObject();
        }
        while (buffer.Length % Alignment != 0)
        {
            buffer.WriteByte((byte)' ');
        }
        return buffer.ToArray();
    }

    private static void WriteIntegers(Utf8JsonWriter json, string name, params long[] values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteNumberValue(value);
        }
        json.WriteEndArray();
    }
}
