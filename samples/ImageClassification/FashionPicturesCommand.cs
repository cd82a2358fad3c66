using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using Samples;
using SkiaSharp;

namespace ImageClassificationSample;

/// <summary>Writes the shipped pictures: the first of each class of Fashion-MNIST, from the four files of the data set.</summary>
/// <param name="Source">Folder with the data set, for example /usr/share/datasets/fashion-mnist of Debian's dataset-fashion-mnist.</param>
/// <param name="Target">Folder to write to.</param>
internal sealed record FashionPicturesCommand(string Source, string Target)
{
    private const int Side = 28;
    private const int TrainingPictures = 100;
    private const int TestPictures = 50;
    private const int ImageHeader = 16;
    private const int LabelHeader = 8;

    /// <summary>Classes in the order of their numbers; the first is "T-shirt/top" in the data set, which cannot be a folder.</summary>
    private static readonly string[] Classes =
        ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    public int Run()
    {
        Write("train", "train", TrainingPictures);
        Write("t10k", "test", TestPictures);
        return 0;
    }

    private void Write(string part, string folder, int most)
    {
        if (Path.Exists(Path.Combine(Target, folder)))
        {
            throw new UsageException($"There is a \"{Path.Combine(Target, folder)}\" already, which is not overwritten. Name a new folder.");
        }

        var images = Read($"{part}-images-idx3-ubyte.gz");
        var labels = Read($"{part}-labels-idx1-ubyte.gz");
        var count = BinaryPrimitives.ReadInt32BigEndian(labels.AsSpan(4));
        var written = new int[Classes.Length];
        for (var i = 0; i < count; i++)
        {
            var label = labels[LabelHeader + i];
            if (written[label]++ < most)
            {
                var path = Path.Combine(Target, folder, Classes[label], $"{i:D5}.png");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                Save(images.AsSpan(ImageHeader + (i * Side * Side), Side * Side), path);
            }
        }
    }

    private byte[] Read(string name)
    {
        var path = Path.Combine(Source, name);
        if (!File.Exists(path))
        {
            throw new UsageException($"There is no file \"{path}\". Name the folder of the data set, which has {name}.");
        }

        using var unpacked = new MemoryStream();
        using var file = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
        file.CopyTo(unpacked);
        return unpacked.ToArray();
    }

    private static void Save(ReadOnlySpan<byte> pixels, string path)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(Side, Side, SKColorType.Gray8, SKAlphaType.Opaque));
        for (var row = 0; row < Side; row++)
        {
            Marshal.Copy(pixels.Slice(row * Side, Side).ToArray(), 0, bitmap.GetPixels() + (row * bitmap.RowBytes), Side);
        }

        using var map = bitmap.PeekPixels();
        using var file = File.Create(path);
        if (!map.Encode(file, new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, 9)))
        {
            throw new IOException($"The picture \"{path}\" cannot be written.");
        }
    }
}
