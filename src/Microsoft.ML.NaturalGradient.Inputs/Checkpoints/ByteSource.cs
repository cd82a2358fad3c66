using System.IO.MemoryMappedFiles;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Read-only bytes that stay where they are: a mapped file, an assembly's resource, an array.</summary>
/// <remarks>Reading from several threads is safe; disposing while another thread reads is not.</remarks>
internal sealed unsafe class ByteSource : IDisposable
{
    private readonly byte[]? _array;
    private readonly byte* _start;
    private readonly Action _release;
    private bool _disposed;

    private ByteSource(byte[]? array, byte* start, long length, Action release)
    {
        _array = array;
        _start = start;
        _release = release;
        Length = length;
    }

    /// <summary>How many bytes there are.</summary>
    public long Length { get; }

    /// <summary>Maps a file; the file must keep its length until this object is disposed.</summary>
    public static ByteSource FromFile(string path)
    {
        if (RegularFile.IsEmpty(path))
        {
            return FromArray([]); // an empty file cannot be mapped
        }

        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        var length = file.Length;

        var map = MemoryMappedFile.CreateFromFile(
            file, mapName: null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        var view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        return new ByteSource(null, start + view.PointerOffset, length, () =>
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            map.Dispose();
        });
    }

    /// <summary>Wraps an array, which must not change.</summary>
    public static ByteSource FromArray(byte[] array) => new(array, null, array.LongLength, static () => { });

    /// <summary>Takes over a stream: memory that it stands on is used in place, anything else is read to its end.</summary>
    public static ByteSource FromStream(Stream stream)
    {
        if (stream is UnmanagedMemoryStream memory)
        {
            return new ByteSource(null, memory.PositionPointer, memory.Length - memory.Position, memory.Dispose);
        }

        using (stream)
        {
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            return FromArray(copy.ToArray());
        }
    }

    /// <summary>A range of the bytes, not copied; valid until this object is disposed.</summary>
    public ReadOnlySpan<byte> Slice(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _array is null ? new ReadOnlySpan<byte>(_start + offset, count) : _array.AsSpan((int)offset, count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _release();
        }
    }
}
