namespace Microsoft.ML.NaturalGradient;

/// <summary>Keeps pieces of bytes: in memory up to a limit, the others in one temporary file, which goes away with the store.</summary>
/// <remarks>Adding and reading are thread-safe, and may happen at the same time.</remarks>
/// <param name="what">What the pieces are, for messages, for example "Pictures".</param>
/// <param name="memoryLimit">Most bytes in memory; 0 writes everything to the file.</param>
/// <param name="folder">Folder of the temporary file; null takes the system's.</param>
internal sealed class SpillingStore(string what, long memoryLimit, string? folder = null) : IDisposable
{
    /// <summary>The usual limit of memory: 1 GiB.</summary>
    public const long DefaultMemoryLimit = 1L << 30;

    private readonly Lock _lock = new();
    private readonly List<Piece> _pieces = [];
    private readonly long _memoryLimit =
        memoryLimit >= 0 ? memoryLimit : throw new ArgumentOutOfRangeException(nameof(memoryLimit), memoryLimit, "The limit of memory is 0 or a positive number of bytes.");

    private readonly string _folder = folder ?? Path.GetTempPath();
    private FileStream? _file;
    private bool _isDisposed;

    /// <summary>Number of pieces.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _pieces.Count;
            }
        }
    }

    /// <summary>Bytes in memory.</summary>
    public long MemoryBytes { get; private set; }

    /// <summary>Bytes in the file.</summary>
    public long FileBytes { get; private set; }

    /// <summary>Keeps a piece.</summary>
    /// <param name="bytes">The piece; must not be changed afterwards.</param>
    /// <returns>Its index: pieces are numbered from 0 in the order in which they are added.</returns>
    /// <exception cref="IOException">The file cannot be written, for example because the disk is full.</exception>
    public int Add(byte[] bytes)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (bytes.Length <= _memoryLimit - MemoryBytes)
            {
                _pieces.Add(new Piece(bytes.Length, bytes, 0));
                MemoryBytes += bytes.Length;
            }
            else
            {
                Spill(bytes);
                _pieces.Add(new Piece(bytes.Length, null, FileBytes));
                FileBytes += bytes.Length;
            }

            return _pieces.Count - 1;
        }
    }

    /// <summary>Gives a piece back.</summary>
    /// <param name="index">What <see cref="Add"/> returned.</param>
    /// <returns>The piece; must not be changed.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such piece.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public byte[] Read(int index)
    {
        Piece piece;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _pieces.Count);
            piece = _pieces[index];
        }

        if (piece.Kept is { } kept)
        {
            return kept;
        }

        var (bytes, file) = (new byte[piece.Length], _file!);
        for (var done = 0; done < bytes.Length;)
        {
            var read = RandomAccess.Read(file.SafeFileHandle, bytes.AsSpan(done), piece.Offset + done);
            done += read > 0 ? read : throw new IOException(
                $"The temporary file of {what.ToLowerInvariant()} '{file.Name}' was shortened by another program. Start again.");
        }

        return bytes;
    }

    /// <summary>Deletes the temporary file.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _file?.Dispose();
            _pieces.Clear();
        }
    }

    private void Spill(byte[] bytes)
    {
        try
        {
            _file ??= Create();
            RandomAccess.Write(_file.SafeFileHandle, bytes, FileBytes);
        }
        catch (Exception e) when (DiskErrors.IsOfWriting(e))
        {
            throw new IOException(
                FormattableString.Invariant($"{what} beyond the memory limit of {_memoryLimit} bytes cannot be written to '{_folder}': {e.Message} ")
                + "Free space there, or raise the limit.", e);
        }
    }

    private FileStream Create()
    {
        var options = PrivateFile.Options(FileAccess.ReadWrite, FileOptions.DeleteOnClose | FileOptions.RandomAccess);
        options.BufferSize = 0;
        var file = new FileStream(Path.Combine(_folder, $"natural-gradient-{Guid.NewGuid():N}.{what.ToLowerInvariant()}"), options);
        PrivateFile.TakeName(file.Name);
        return file;
    }

    private readonly record struct Piece(int Length, byte[]? Kept, long Offset);
}
