using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML;

/// <summary>Labelled pictures in folders: one folder for each class, named like the class.</summary>
/// <remarks>
/// <c>pictures/cat/1.jpg</c> is a row with the label <c>cat</c>; folders inside a class folder, up to 8 in each other, belong to the class. Files whose names do not end
/// like pictures (jpg, jpeg, png, webp, bmp, gif) are passed over, and so are hidden files and folders. Rows come in ordinal order of class
/// and path, which is the same on every machine.
/// </remarks>
public sealed class ImageFolder
{
    private ImageFolder(IReadOnlyList<ImageRow> rows, IReadOnlyList<UnreadableImage> unreadable)
    {
        Rows = rows;
        Unreadable = unreadable;
        Classes = [.. rows.Select(row => row.Label).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    /// <summary>The readable pictures.</summary>
    public IReadOnlyList<ImageRow> Rows { get; }

    /// <summary>Names of the classes, in ordinal order.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Pictures that were skipped, in order; after <see cref="Split"/>, both parts list all of them.</summary>
    public IReadOnlyList<UnreadableImage> Unreadable { get; }

    /// <summary>Finds the pictures of a folder whose sub-folders are the classes.</summary>
    /// <param name="path">Path of the folder.</param>
    /// <param name="options">How it is read; null takes the defaults.</param>
    /// <returns>The pictures.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">There are no classes, or a class has no readable picture, folders that are too deep or a link that leads back, or a picture cannot be read and
    /// <see cref="ImageFolderOptions.Unreadable"/> is <see cref="NaturalGradient.UnreadableImages.Stop"/>.</exception>
    /// <exception cref="IOException">The same for a picture whose file cannot be opened.</exception>
    public static ImageFolder Read(string path, ImageFolderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        options ??= new ImageFolderOptions();
        options.Validate();
        var (rows, unreadable) = ImageFolderReader.Read(path, options);
        return new ImageFolder(rows, unreadable);
    }

    /// <summary>Reads two folders inside a folder, one of pictures to train on and one to test on, each with a sub-folder for each class.</summary>
    /// <param name="path">Path of the folder that has both.</param>
    /// <param name="trainFolder">Name of the folder to train on.</param>
    /// <param name="testFolder">Name of the folder to test on.</param>
    /// <param name="options">How they are read; null takes the defaults.</param>
    /// <returns>Both.</returns>
    /// <exception cref="DirectoryNotFoundException">A folder is missing.</exception>
    /// <exception cref="InvalidDataException">A class is tested but not trained, or as for <see cref="Read"/>.</exception>
    public static (ImageFolder Train, ImageFolder Test) ReadTrainTest(
        string path, string trainFolder = "train", string testFolder = "test", ImageFolderOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentException.ThrowIfNullOrWhiteSpace(trainFolder);
        ArgumentException.ThrowIfNullOrWhiteSpace(testFolder);
        var train = Read(Path.Combine(path, trainFolder), options);
        var test = Read(Path.Combine(path, testFolder), options);
        var unknown = test.Classes.Except(train.Classes, StringComparer.Ordinal).ToArray();
        return unknown.Length == 0
            ? (train, test)
            : throw new InvalidDataException(
                $"The folder '{testFolder}' of '{path}' has the class '{unknown[0]}', which '{trainFolder}' has not. Add it there, or remove it.");
    }

    /// <summary>Divides the pictures at random, with the same share of every class.</summary>
    /// <param name="testFraction">Share of the pictures to test on, between 0 and 1; at least one picture of a class stays on either side.</param>
    /// <param name="seed">Seed; the same one gives the same parts.</param>
    /// <returns>Both parts, each in the order of <see cref="Rows"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="testFraction"/> is not between 0 and 1.</exception>
    /// <exception cref="InvalidOperationException">A class has a single picture.</exception>
    public (ImageFolder Train, ImageFolder Test) Split(double testFraction = 0.2, int seed = 0)
    {
        SettingCheck.Require(testFraction is > 0 and < 1, nameof(testFraction), testFraction, "Use a number between 0 and 1, for example 0.2.");
        var random = new Random(seed);
        var tested = new HashSet<ImageRow>();
        foreach (var pictures in Rows.GroupBy(row => row.Label, StringComparer.Ordinal))
        {
            var all = pictures.ToArray();
            if (all.Length == 1)
            {
                throw new InvalidOperationException(
                    $"The class '{pictures.Key}' has a single picture ('{all[0].ImagePath}'), which cannot be divided. Add pictures, or remove the class.");
            }
            tested.UnionWith(Holdout.Draw(all, testFraction, random));
        }
        return (new ImageFolder([.. Rows.Where(row => !tested.Contains(row))], Unreadable),
            new ImageFolder([.. Rows.Where(tested.Contains)], Unreadable));
    }
}
