using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Writes tensors into safetensors files.</summary>
internal static class SafetensorsWriter
{
    private const long PieceElements = 1 << 24; // a span cannot reach across 2 GiB, so tensors are written in pieces

    /// <summary>Writes a file from the stream's position on; the stream stays open.</summary>
    /// <param name="stream">Where to; useless if an exception ends the writing.</param>
    /// <param name="entries">The tensors, in any order; names must differ.</param>
    /// <param name="metadata">Free text for readers; null for none.</param>
    /// <exception cref="ArgumentException">A name occurs twice or is reserved, or a type cannot be stored so.</exception>
    /// <exception cref="InvalidOperationException">A finite value is too large for the F16 that it is to be stored in.</exception>
    public static void Write(
        Stream stream, IEnumerable<SafetensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata = null) => SafetensorsFormat.Write(
            stream, entries.Select(PartOf), metadata);

    /// <summary>Describes a tensor as the format has it.</summary>
    /// <param name="entry">The tensor.</param>
    /// <returns>The part; it can be written while the tensor lives.</returns>
    /// <exception cref="ArgumentException">The type cannot be stored so.</exception>
    public static SafetensorsPart PartOf(SafetensorsEntry entry) => new(entry.Name, TypeOf(entry), entry.Value.shape, stream => WriteData(stream, entry));

    private static ElementType TypeOf(SafetensorsEntry entry)
    {
        var converts = entry.StoredType == entry.Value.dtype || (is_floating_point(entry.StoredType) && is_floating_point(entry.Value.dtype));
        return converts && SafetensorsTensors.ElementTypeOf(entry.StoredType) is { } type
            ? type
            : throw new ArgumentException(
                $"Tensor '{entry.Name}' of type {entry.Value.dtype} cannot be stored as {entry.StoredType}. "
                + $"The format holds {ElementTypes.Names}; only floating-point types are converted, to one another.",
                nameof(entry));
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
