using System.Formats.Tar;
using System.IO.Compression;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>Pictures of CIFAR-10 as JPEG files in two archives, in a folder for each class.</summary>
internal static class CifarSubset
{
    private const string Folder = "cifar10-subset";

    /// <summary>A picture as it is stored.</summary>
    /// <param name="Label">Name of its class.</param>
    /// <param name="Name">Name of its file.</param>
    /// <param name="Bytes">The encoded picture.</param>
    public sealed record Picture(string Label, string Name, byte[] Bytes)
    {
        /// <summary>Decodes the picture.</summary>
        public RgbImage Decode() => ImageDecoder.Decode(Bytes, $"The picture '{Label}/{Name}'");
    }

    /// <summary>Reads the pictures of an archive.</summary>
    /// <param name="data">Folder with <c>cifar10-subset/cifar10-train.tgz</c> and <c>cifar10-test.tgz</c>.</param>
    /// <param name="part"><c>train</c> or <c>test</c>.</param>
    /// <returns>The pictures, in ordinal order of class and name.</returns>
    public static IReadOnlyList<Picture> Read(string data, string part)
    {
        using var file = File.OpenRead(Path.Combine(data, Folder, $"cifar10-{part}.tgz"));
        using var archive = new TarReader(new GZipStream(file, CompressionMode.Decompress));
        var pictures = new List<Picture>();
        while (archive.GetNextEntry() is { } entry)
        {
            if (entry is { EntryType: TarEntryType.RegularFile or TarEntryType.V7RegularFile, DataStream: { } content } && entry.Name.EndsWith(".jpg", StringComparison.Ordinal))
            {
                var bytes = new byte[entry.Length];
                content.ReadExactly(bytes);
                var names = entry.Name.Split('/');
                pictures.Add(new Picture(names[^2], names[^1], bytes));
            }
        }

        return [.. pictures.OrderBy(picture => picture.Label, StringComparer.Ordinal).ThenBy(picture => picture.Name, StringComparer.Ordinal)];
    }

    /// <summary>Writes pictures into a folder for each class.</summary>
    /// <param name="pictures">The pictures.</param>
    /// <param name="folder">The folder.</param>
    /// <returns>A row for each picture.</returns>
    public static IReadOnlyList<ImageRow> Extract(IEnumerable<Picture> pictures, string folder) => [.. pictures.Select(picture =>
    {
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, picture.Label)).FullName, picture.Name);
        File.WriteAllBytes(path, picture.Bytes);
        return new ImageRow { ImagePath = path, Label = picture.Label };
    })];
}
