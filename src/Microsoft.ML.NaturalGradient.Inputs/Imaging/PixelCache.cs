namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Keeps pictures as bytes: in memory up to a limit, the others in one temporary file, which goes away with the cache.</summary>
/// <remarks>Adding and reading are thread-safe, and may happen at the same time.</remarks>
internal sealed class PixelCache : IDisposable
{
    /// <summary>The usual limit of memory: 1 GiB, about 7,000 pictures of 224 x 224.</summary>
    public const long DefaultMemoryLimit = 1L << 30;

    private readonly Lock _lock = new();
    private readonly List<Entry> _entries = [];
    private readonly long _memoryLimit;
    private readonly string _folder;
    private FileStream? _file;
    private bool _isDisposed;

    /// <summary>Makes an empty cache; the temporary file is made when it is needed.</summary>
    /// <param name="memoryLimit">Most bytes of pixels in memory; 0 writes all pictures to the file.</param>
    /// <param name="folder">Folder of the temporary file; null takes the system's.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="memoryLimit"/> is negative.</exception>
    public PixelCache(long memoryLimit = DefaultMemoryLimit, string? folder = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(memoryLimit);
        _memoryLimit = memoryLimit;
        _folder = folder ?? Path.GetTempPath();
    }

    /// <summary>Number of pictures.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Bytes of pixels in memory.</summary>
    public long MemoryBytes { get; private set; }

    /// <summary>Bytes of pixels in the file.</summary>
    public long FileBytes { get; private set; }

    /// <summary>Path of the temporary file; null while there is none.</summary>
    public string? FilePath => _file?.Name;

    /// <summary>Keeps a picture.</summary>
    /// <param name="image">The picture; must not be changed afterwards.</param>
    /// <returns>Its index: pictures are numbered from 0 in the order in which they are added.</returns>
    /// <exception cref="IOException">The file cannot be written, for example because the disk is full.</exception>
    public int Add(RgbImage image)
    {
        var size = image.Pixels.Length;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (size <= _memoryLimit - MemoryBytes)
            {
                _entries.Add(new Entry(image.Width, image.Height, image.Pixels, 0));
                MemoryBytes += size;
            }
            else
            {
                Spill(image.Pixels);
                _entries.Add(new Entry(image.Width, image.Height, null, FileBytes));
                FileBytes += size;
            }
            return _entries.Count - 1;
        }
    }

    /// <summary>Gives a picture back.</summary>
    /// <param name="index">What <see cref="Add"/> returned.</param>
    /// <returns>The picture; must not be changed.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such picture.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public RgbImage Read(int index)
    {
        Entry entry;
        FileStream? file;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _entries.Count);
            entry = _entries[index];
            file = _file;
        }
        if (entry.Pixels is { } kept)
        {
            return new RgbImage(entry.Width, entry.Height, kept);
        }
        var pixels = new byte[entry.Width * entry.Height * RgbImage.Channels];
        for (var done = 0; done < pixels.Length;)
        {
            var read = RandomAccess.Read(file!.SafeFileHandle, pixels.AsSpan(done), entry.Offset + done);
            done += read > 0 ? read : throw new IOException(
                $"The temporary file of pictures '{file.Name}' was shortened by another program. Start again.");
        }
        return new RgbImage(entry.Width, entry.Height, pixels);
    }

    /// <summary>Deletes the temporary file.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _file?.Dispose();
            _entries.Clear();
        }
    }

    private void Spill(byte[] pixels)
    {
        try
        {
            _file ??= Create();
            RandomAccess.Write(_file.SafeFileHandle, pixels, FileBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                FormattableString.Invariant($"Pictures beyond the memory limit of {_memoryLimit} bytes cannot be written to '{_folder}': {e.Message} ")
                + "Free space there, or raise the limit.", e);
        }
    }

    private FileStream Create()
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            Options = FileOptions.DeleteOnClose | FileOptions.RandomAccess,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite; // pictures may be private
        }
        return new FileStream(Path.Combine(_folder, $"natural-gradient-{Guid.NewGuid():N}.pixels"), options);
    }

    private readonly record struct Entry(int Width, int Height, byte[]? Pixels, long Offset);
}
