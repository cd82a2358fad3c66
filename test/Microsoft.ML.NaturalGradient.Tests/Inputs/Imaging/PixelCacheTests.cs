using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

[TestClass]
public sealed class PixelCacheTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pixel-cache-tests-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(long.MaxValue, false)]
    [DataRow(2000, true)]
    [DataRow(0, true)]
    public void Read_AnyLimit_GivesTheSamePictures(long limit, bool spills)
    {
        var pictures = SomePictures(40);
        using var cache = new PixelCache(limit, _folder);

        var indices = pictures.Select(cache.Add).ToArray();

        CollectionAssert.AreEqual(Enumerable.Range(0, 40).ToArray(), indices);
        foreach (var index in indices.Reverse())
        {
            Pictures.AssertSame(pictures[index], cache.Read(index));
        }

        Assert.AreEqual(spills, cache.FileBytes > 0);
        Assert.IsTrue(cache.MemoryBytes <= limit, $"{cache.MemoryBytes} bytes");
        Assert.AreEqual(pictures.Sum(picture => picture.Pixels.Length), cache.MemoryBytes + cache.FileBytes);
        Assert.AreEqual(40, cache.Count);
    }

    [TestMethod]
    public void Add_PictureThatFitsExactly_StaysInMemory()
    {
        using var cache = new PixelCache(300, _folder);

        _ = cache.Add(Pictures.Noise(10, 10, 1));

        Assert.AreEqual(0, cache.FileBytes);
        Assert.AreEqual(300, cache.MemoryBytes);
    }

    [TestMethod]
    public void Dispose_AfterSpilling_RemovesTheFile()
    {
        var cache = new PixelCache(0, _folder);
        _ = cache.Add(Pictures.Noise(3, 3, 1));
        Assert.HasCount(OperatingSystem.IsWindows() ? 1 : 0, Directory.GetFiles(_folder)); // without a name, nothing is left where the process is killed
        Assert.AreEqual(27, cache.FileBytes);

        cache.Dispose();
        cache.Dispose();

        Assert.IsEmpty(Directory.GetFileSystemEntries(_folder));
        Assert.ThrowsExactly<ObjectDisposedException>(() => cache.Read(0));
        Assert.ThrowsExactly<ObjectDisposedException>(() => cache.Add(Pictures.Noise(3, 3, 1)));
    }

    [TestMethod]
    public void Read_OnManyThreadsWhileAdding_GivesTheRightPictures()
    {
        var pictures = SomePictures(300);
        using var cache = new PixelCache(3000, _folder);
        _ = cache.Add(pictures[0]);

        var adding = Task.Run(() =>
        {
            foreach (var picture in pictures.Skip(1))
            {
                _ = cache.Add(picture);
            }
        });
        Parallel.For(0, 2000, i =>
        {
            var index = i * 7919 % cache.Count;
            CollectionAssert.AreEqual(pictures[index].Pixels, cache.Read(index).Pixels);
        });
        adding.Wait();

        Assert.AreEqual(300, cache.Count);
    }

    [TestMethod]
    public void Add_FolderMissing_NamesItAndTheLimit()
    {
        using var cache = new PixelCache(8, Path.Combine(_folder, "missing"));

        var error = Assert.ThrowsExactly<IOException>(() => cache.Add(Pictures.Noise(3, 3, 1)));

        StringAssert.StartsWith(error.Message, $"Pictures beyond the memory limit of 8 bytes cannot be written to '{_folder}");
        Assert.AreEqual(0, cache.Count);
    }

    [TestMethod]
    [DataRow(-1)]
    [DataRow(1)]
    public void Read_NoSuchPicture_Throws(int index)
    {
        using var cache = new PixelCache(8, _folder);
        _ = cache.Add(new RgbImage(1, 1, [1, 2, 3]));

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cache.Read(index));
    }

    private static RgbImage[] SomePictures(int count) =>
        [.. Enumerable.Range(0, count).Select(i => Pictures.Noise(1 + (i % 13), 1 + (i % 7), i))];
}
