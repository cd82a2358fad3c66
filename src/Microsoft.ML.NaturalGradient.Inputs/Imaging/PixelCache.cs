using System.Collections.Concurrent;

namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Keeps pictures as bytes: in memory up to a limit, the others in one temporary file, which goes away with the cache.</summary>
/// <remarks>Adding and reading are thread-safe, and may happen at the same time.</remarks>
/// <param name="memoryLimit">Most bytes of pixels in memory; 0 writes all pictures to the file.</param>
/// <param name="folder">Folder of the temporary file; null takes the system's.</param>
internal sealed class PixelCache(long memoryLimit = PixelCache.DefaultMemoryLimit, string? folder = null) : IDisposable
{
    /// <summary>The usual limit of memory: 1 GiB, about 7,000 pictures of 224 x 224.</summary>
    public const long DefaultMemoryLimit = SpillingStore.DefaultMemoryLimit;

    private readonly SpillingStore _pixels = new("Pictures", memoryLimit, folder);
    private readonly ConcurrentDictionary<int, (int Width, int Height)> _sizes = new();

    /// <summary>Number of pictures.</summary>
    public int Count => _pixels.Count;

    /// <summary>Bytes of pixels in memory.</summary>
    public long MemoryBytes => _pixels.MemoryBytes;

    /// <summary>Bytes of pixels in the file.</summary>
    public long FileBytes => _pixels.FileBytes;

    /// <summary>Keeps a picture.</summary>
    /// <param name="image">The picture; must not be changed afterwards.</param>
    /// <returns>Its index: pictures are numbered from 0 in the order in which they are added.</returns>
    /// <exception cref="IOException">The file cannot be written, for example because the disk is full.</exception>
    public int Add(RgbImage image)
    {
        var index = _pixels.Add(image.Pixels);
        _sizes[index] = (image.Width, image.Height);
        return index;
    }

    /// <summary>Gives a picture back.</summary>
    /// <param name="index">What <see cref="Add"/> returned.</param>
    /// <returns>The picture; must not be changed.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such picture.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public RgbImage Read(int index)
    {
        var pixels = _pixels.Read(index);
        var (width, height) = _sizes[index];
        return new RgbImage(width, height, pixels);
    }

    /// <summary>Deletes the temporary file.</summary>
    public void Dispose() => _pixels.Dispose();
}
