using System.Collections.Frozen;
using System.IO.Enumeration;

namespace Microsoft.ML.NaturalGradient.Imaging;

/// <summary>Finds and checks the pictures of a folder with one sub-folder for each class.</summary>
internal static class ImageFolderReader
{
    private const int DeepestFolder = 8; // in a class; ends the walk where a link leads back
    private const int MostFolders = 20_000; // of a class; ends it where many links do
    private const int AheadPerThread = 4;

    private static readonly FrozenSet<string> Endings =
        new[] { ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif" }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    private static readonly EnumerationOptions Shallow = new() { IgnoreInaccessible = false };

    private static readonly EnumerationOptions Deep =
        new() { IgnoreInaccessible = false, RecurseSubdirectories = true };

    /// <summary>Reads all classes.</summary>
    /// <param name="path">Path of the folder.</param>
    /// <param name="options">How it is read.</param>
    /// <returns>Readable pictures and those that were skipped, in ordinal order of class and path.</returns>
    public static (ImageRow[] Rows, UnreadableImage[] Unreadable) Read(string path, ImageFolderOptions options)
    {
        var folder = Path.GetFullPath(path);
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"There is no folder '{folder}'. Check the path.");
        }
        var classes = Directory.EnumerateDirectories(folder, "*", Shallow).Order(StringComparer.Ordinal).ToArray();
        if (classes.Length == 0)
        {
            throw new InvalidDataException($"The folder '{folder}' has no sub-folders. Put the pictures of each class into a sub-folder named like it.");
        }
        var found = classes.SelectMany(Pictures).ToArray();
        var problems = OrderedPrefetch.Run(
            found, row => Problem(row.ImagePath, options), Environment.ProcessorCount, AheadPerThread * Environment.ProcessorCount, default).ToArray();
        var unreadable = found.Zip(problems)
            .Where(pair => pair.Second is not null)
            .Select(pair => new UnreadableImage(pair.First.ImagePath, pair.First.Label, pair.Second!)).ToArray();
        var rows = found.Where((_, i) => problems[i] is null).ToArray();
        foreach (var name in classes.Select(Path.GetFileName))
        {
            if (!rows.Any(row => row.Label == name))
            {
                throw Empty(folder, name!, [.. unreadable.Where(picture => picture.Label == name)]);
            }
        }
        return (rows, unreadable);
    }

    private static IEnumerable<ImageRow> Pictures(string folder)
    {
        var label = Path.GetFileName(folder);
        return Files(folder, label)
            .Where(file => Endings.Contains(Path.GetExtension(file)))
            .OrderBy(file => file.Replace('\\', '/'), StringComparer.Ordinal)
            .Select(file => new ImageRow { ImagePath = file, Label = label });
    }

    private static FileSystemEnumerable<string> Files(string folder, string label)
    {
        var folders = 0;
        return new FileSystemEnumerable<string>(folder, (ref FileSystemEntry entry) => entry.ToSpecifiedFullPath(), Deep)
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory,
            ShouldRecursePredicate = (ref FileSystemEntry entry) => ++folders > MostFolders
                ? throw new InvalidDataException(FormattableString.Invariant(
                    $"The class '{label}' has more than {MostFolders} folders, or links that lead back to it. Remove what is not its own."))
                : DepthOf(entry.Directory[folder.Length..]) < DeepestFolder ? true : throw new InvalidDataException(FormattableString.Invariant(
                    $"The class '{label}' has folders in each other, more than {DeepestFolder} deep, or a link that leads back: '{entry.ToFullPath()}'. Put its pictures into fewer, or remove the link.")),
        };
    }

    private static int DepthOf(ReadOnlySpan<char> path) => path.Count(Path.DirectorySeparatorChar);

    private static string? Problem(string path, ImageFolderOptions options)
    {
        try
        {
            if (options.DecodePictures)
            {
                _ = ImageDecoder.DecodeFile(path, options.MaxPixels);
            }
            else
            {
                ImageDecoder.CheckHeader(path, options.MaxPixels);
            }
            return null;
        }
        catch (Exception e) when (options.Unreadable == UnreadableImages.Skip && ImageDecoder.IsUnreadable(e))
        {
            return e.Message;
        }
    }

    private static InvalidDataException Empty(string folder, string name, UnreadableImage[] unreadable) => new(unreadable.Length == 0
        ? $"The class '{name}' of '{folder}' has no pictures (jpg, jpeg, png, webp, bmp, gif). Add some, or remove its folder."
        : FormattableString.Invariant($"The class '{name}' of '{folder}' has no readable picture; {unreadable.Length} cannot be read. ")
            + $"The first: {unreadable[0].Problem}");
}
