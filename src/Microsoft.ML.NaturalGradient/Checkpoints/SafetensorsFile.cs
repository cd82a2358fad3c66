using System.Buffers.Binary;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A safetensors file: named tensors behind a JSON header, read in place.</summary>
/// <remarks>
/// Layout: the header's length as a little-endian 64-bit integer, the header, then the tensors' bytes back to back, row-major
/// and little-endian. Format: https://github.com/huggingface/safetensors. Several threads may read at once.
/// </remarks>
internal sealed class SafetensorsFile : ISafetensors
{
    private const int LengthBytes = sizeof(ulong);
    private const ulong MaxHeaderBytes = 100_000_000; // the reference implementation's limit
    private const long PieceElements = 1 << 24; // a span cannot reach across 2 GiB, so tensors are copied in pieces

    private readonly ByteSource _bytes;
    private readonly long _dataStart;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(ByteSource bytes, string description)
    {
        _bytes = bytes;
        Description = description;
        try
        {
            var headerBytes = HeaderLength(bytes, description);
            _dataStart = LengthBytes + headerBytes;
            _header = SafetensorsHeader.Parse(
                bytes.Slice(LengthBytes, headerBytes), bytes.Length - _dataStart, description);
            Names = [.. _header.Tensors.Keys];
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Description { get; }

    /// <summary>Names of the tensors, in the order of the header.</summary>
    public IReadOnlyCollection<string> Names { get; }

    /// <summary>Free text that the writer left; empty if none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Maps a file into memory.</summary>
    /// <param name="path">Path of the file, which must not change before this object is disposed.</param>
    /// <returns>The opened file; the caller disposes it.</returns>
    /// <exception cref="InvalidDataException">It is not a valid safetensors file.</exception>
    public static SafetensorsFile Open(string path) => new(ByteSource.FromFile(path), $"'{path}'");

    /// <summary>Reads a file that is already in memory; the array is used in place and must not change.</summary>
    /// <inheritdoc cref="FromStream"/>
    public static SafetensorsFile FromMemory(byte[] content, string description) =>
        new(ByteSource.FromArray(content), description);

    /// <summary>Takes over a stream: unmanaged memory is used in place, any other stream is read to its end.</summary>
    /// <param name="content">The file's content from the current position on, not mapped from a file; disposed with this object.</param>
    /// <param name="description">The file, in words for error messages.</param>
    /// <returns>The opened file; the caller disposes it.</returns>
    /// <exception cref="InvalidDataException">It is not a valid safetensors file.</exception>
    public static SafetensorsFile FromStream(Stream content, string description) =>
        new(ByteSource.FromStream(content), description);

    /// <inheritdoc/>
    public bool Contains(string name) => _header.Tensors.ContainsKey(name);

    /// <inheritdoc/>
    public IReadOnlyList<long> ShapeOf(string name) => Find(name).Shape;

    /// <inheritdoc/>
    public ScalarType TypeOf(string name) => Find(name).Type;

    /// <inheritdoc/>
    public Tensor Read(string name, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var tensor = Find(name);
        var result = empty(tensor.Shape, dtype: type, device: CPU);
        Fill(result, tensor);
        return result.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void ReadInto(string name, Tensor target)
    {
        var tensor = Find(name);
        if (!target.shape.AsSpan().SequenceEqual(tensor.Shape))
        {
            throw new InvalidDataException(
                $"{Description}: tensor '{name}' has shape [{string.Join(", ", tensor.Shape)}], but the model expects "
                + $"[{string.Join(", ", target.shape)}]. Use the configuration that belongs to these weights.");
        }
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (target.device_type == DeviceType.CPU && target.is_contiguous())
        {
            Fill(target, tensor);
        }
        else
        {
            target.copy_(Read(name, tensor.Type));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _bytes.Dispose();

    private static int HeaderLength(ByteSource bytes, string description)
    {
        if (bytes.Length < LengthBytes)
        {
            throw SafetensorsHeader.Damaged(description, $"it has {bytes.Length} bytes, fewer than its length field");
        }
        var length = BinaryPrimitives.ReadUInt64LittleEndian(bytes.Slice(0, LengthBytes));
        if (length > MaxHeaderBytes)
        {
            throw SafetensorsHeader.Damaged(
                description, $"it claims a header of {length} bytes, more than the limit of {MaxHeaderBytes}");
        }
        if (length > (ulong)(bytes.Length - LengthBytes))
        {
            throw SafetensorsHeader.Damaged(
                description, $"it claims a header of {length} bytes, but has {bytes.Length} bytes in all");
        }
        return (int)length;
    }

    private SafetensorsTensor Find(string name) => _header.Tensors.TryGetValue(name, out var tensor)
        ? tensor
        : throw new InvalidDataException($"{Description} has no tensor '{name}'.");

    /// <summary>Fills a contiguous tensor on the CPU, converting to its type.</summary>
    private void Fill(Tensor target, SafetensorsTensor tensor)
    {
        var widens = tensor.Type == ScalarType.Float16 && target.dtype == ScalarType.Float32;
        if (tensor.Type != target.dtype && !widens)
        {
            var stored = empty(tensor.Shape, dtype: tensor.Type, device: CPU);
            Fill(stored, tensor);
            target.copy_(stored);
            return;
        }

        var flat = target.view(-1); // [elements]
        var elements = target.numel();
        var width = (int)tensor.Type.ElementSize();
        var offset = _dataStart + tensor.Begin;
        for (var first = 0L; first < elements; first += PieceElements)
        {
            var count = Math.Min(PieceElements, elements - first);
            var source = _bytes.Slice(offset, (int)count * width);
            var piece = flat.narrow(0, first, count);
            if (widens)
            {
                // The usual case; a copy in half precision would cost more than the conversion.
                TensorPrimitives.ConvertToSingle(
                    MemoryMarshal.Cast<byte, Half>(source), MemoryMarshal.Cast<byte, float>(piece.bytes));
            }
            else
            {
                source.CopyTo(piece.bytes);
            }
            offset += source.Length;
        }
    }
}
