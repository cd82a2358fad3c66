using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Writes safetensors files, byte for byte as the reference implementation does.</summary>
/// <remarks>
/// Tensors are ordered by element type, widest first (I64, F64, F32, I32, BF16, F16, I16, I8, U8, BOOL), then by name, so equal
/// content makes equal files and every tensor is aligned to its element. Spaces pad the header to a multiple of 8 bytes.
/// </remarks>
internal static class SafetensorsWriter
{
    private const int Alignment = 8;
    private const string MetadataName = "__metadata__";
    private const long PieceElements = 1 << 24; // a span cannot reach across 2 GiB, so tensors are written in pieces

    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a file from the stream's position on; the stream stays open.</summary>
    /// <param name="stream">Where to; useless if an exception ends the writing.</param>
    /// <param name="entries">The tensors, in any order; names must differ.</param>
    /// <param name="metadata">Free text for readers; null for none.</param>
    /// <exception cref="ArgumentException">A name occurs twice or is reserved, or a type cannot be stored so.</exception>
    /// <exception cref="InvalidOperationException">A finite value is too large for the F16 that it is to be stored in.</exception>
    public static void Write(
        Stream stream, IEnumerable<SafetensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = entries
            .OrderByDescending(entry => SafetensorsTypes.RankOf(entry.StoredType))
            .ThenBy(entry => entry.Name, StringComparer.Ordinal)
            .ToArray();
        Check(ordered);

        var header = Header(ordered, metadata);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (var entry in ordered)
        {
            WriteData(stream, entry);
        }
    }

    private static void Check(SafetensorsEntry[] entries)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            if (entry.Name == MetadataName || !names.Add(entry.Name))
            {
                throw new ArgumentException(
                    $"The name '{entry.Name}' is reserved or occurs twice. Give every tensor a name of its own.", nameof(entries));
            }
            var converts = entry.StoredType == entry.Value.dtype
                || (is_floating_point(entry.StoredType) && is_floating_point(entry.Value.dtype));
            if (!converts || SafetensorsTypes.RankOf(entry.StoredType) < 0)
            {
                throw new ArgumentException(
                    $"Tensor '{entry.Name}' of type {entry.Value.dtype} cannot be stored as {entry.StoredType}. "
                    + $"The format holds {SafetensorsTypes.Names}; only floating-point types are converted, to one another.",
                    nameof(entries));
            }
        }
    }

    private static byte[] Header(SafetensorsEntry[] entries, IReadOnlyDictionary<string, string>? metadata)
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
            foreach (var entry in entries)
            {
                var size = entry.Value.numel() * entry.StoredType.ElementSize();
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", SafetensorsTypes.NameOf(entry.StoredType));
                WriteIntegers(json, "shape", entry.Value.shape);
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

    private static void WriteData(Stream stream, SafetensorsEntry entry)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var stored = entry.Value.to(entry.StoredType);
        if (entry.StoredType == ScalarType.Float16 && entry.Value.dtype != ScalarType.Float16)
        {
            CheckNoOverflow(entry, stored);
        }
        var flat = stored.cpu().contiguous().view(-1); // [elements]
        var elements = flat.numel();
        for (var first = 0L; first < elements; first += PieceElements)
        {
            var piece = flat.narrow(0, first, Math.Min(PieceElements, elements - first));
            stream.Write(piece.bytes);
        }
    }

    private static void CheckNoOverflow(SafetensorsEntry entry, Tensor stored)
    {
        if (stored.isinf().logical_and(entry.Value.isfinite()).any().item<bool>())
        {
            throw new InvalidOperationException(
                $"Tensor '{entry.Name}' holds values beyond 65504, the largest of {ScalarType.Float16}. Store it as "
                + $"{ScalarType.BFloat16} or {ScalarType.Float32}.");
        }
    }
}
