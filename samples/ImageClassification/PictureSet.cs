using Microsoft.ML;
using Samples;

namespace ImageClassificationSample;

/// <summary>Training and test pictures: the same for every trainer and every run.</summary>
internal sealed record PictureSet(IReadOnlyList<ImageRow> Training, IReadOnlyList<ImageRow> Test)
{
    private const int Seed = 1;
    private const double TestFraction = 0.2;

    /// <summary>Damaged pictures are found at once: training and scoring would leave them out one by one.</summary>
    private static readonly ImageFolderOptions Options = new() { DecodePictures = true };

    /// <summary>Names of the classes, in ordinal order.</summary>
    public IReadOnlyList<string> Classes { get; } =
        [.. Training.Select(picture => picture.Label).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Reads a folder that has the folders train and test, or one with a folder for each class, which it divides.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="trainingPictures">Most training pictures of a class.</param>
    /// <param name="testPictures">Most test pictures of a class.</param>
    public static PictureSet Read(string folder, int trainingPictures, int testPictures)
    {
        try
        {
            var (train, test) = IsDivided(folder)
                ? ImageFolder.ReadTrainTest(folder, options: Options)
                : ImageFolder.Read(folder, Options).Split(TestFraction, Seed);
            Report([.. train.Unreadable.Concat(test.Unreadable).DistinctBy(picture => picture.ImagePath)]);
            if (train.Classes.Count < 2)
            {
                throw new UsageException($"Training needs at least two classes, but \"{folder}\" has only \"{train.Classes[0]}\". "
                    + "Put the pictures of each class into a sub-folder named like it.");
            }

            return new PictureSet(Take(train, trainingPictures), Take(test, testPictures));
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or InvalidOperationException
            or UnauthorizedAccessException)
        {
            throw new UsageException(exception.Message);
        }
    }

    /// <summary>Whether one of the folders train and test is there and has classes inside.</summary>
    private static bool IsDivided(string folder) => HasClasses(Path.Combine(folder, "train")) || HasClasses(Path.Combine(folder, "test"));

    private static bool HasClasses(string path) => Directory.Exists(path) && Directory.EnumerateDirectories(path).Any();

    private static ImageRow[] Take(ImageFolder folder, int most)
    {
        var random = new Random(Seed);
        return [.. folder.Rows.GroupBy(row => row.Label).SelectMany(pictures => Choose([.. pictures], most, random))];
    }

    private static ImageRow[] Choose(ImageRow[] pictures, int most, Random random)
    {
        if (pictures.Length <= most)
        {
            return pictures;
        }

        random.Shuffle(pictures);
        return pictures[..most];
    }

    private static void Report(UnreadableImage[] unreadable)
    {
        if (unreadable.Length > 0)
        {
            Console.WriteLine($"Left out {unreadable.Length} that cannot be read, the first: {unreadable[0].Problem}");
        }
    }
}
