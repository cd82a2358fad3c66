using System.Buffers.Binary;

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
    public static SafetensorsFile Open(string path) => Open(path, $"'{path}'");

    /// <inheritdoc cref="Open(string)"/>
    /// <param name="path">Path of the file.</param>
    /// <param name="description">The file, in words for error messages.</param>
    public static SafetensorsFile Open(string path, string description) => new(ByteSource.FromFile(path), description);

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
    public string FileOf(string name) => Contains(name) ? Description : throw Missing(name);

    /// <inheritdoc/>
    public SafetensorsTensor Describe(string name) => _header.Tensors.TryGetValue(name, out var tensor)
        ? tensor
        : throw Missing(name);

    /// <inheritdoc/>
    public ReadOnlySpan<byte> BytesOf(string name, long first, int count)
    {
        var tensor = Describe(name);
        var width = tensor.Type.Size();
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(((first + count) * width) + tensor.Begin, tensor.End);
        return _bytes.Slice(_dataStart + tensor.Begin + (first * width), count * width);
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

    private InvalidDataException Missing(string name) => new($"{Description} has no tensor '{name}'.");
}
