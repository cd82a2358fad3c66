using System.Diagnostics;
using Samples;

namespace WebApiSample;

/// <summary>Trains the models that are not there, on the data of the other samples.</summary>
internal static class Training
{
    private const int QuickRows = 128;
    private const int QuickPictures = 6; // of a class

    private static string Data => Path.Combine(AppContext.BaseDirectory, "Data");

    /// <summary>Trains what the settings name and is not there.</summary>
    public static void TrainMissing(IConfiguration configuration, bool quick, bool forServing)
    {
        TrainIfMissing(configuration["Models:Text:Path"], path => TrainReviews(path, quick, forServing: forServing));
        TrainIfMissing(configuration["Models:Picture:Path"], path => PictureModel.Train(
            Path.Combine(Data, "pictures"), path, quick ? QuickPictures : int.MaxValue, quick ? 1 : 3, forServing));
    }

    /// <summary>Trains the text classifier.</summary>
    public static void TrainReviews(string path, bool quick, int seed = 1, bool forServing = false) =>
        ReviewModel.Train(Path.Combine(Data, "reviews.tsv"), path, quick ? QuickRows : long.MaxValue, seed, forServing);

    private static void TrainIfMissing(string? path, Action<string> train)
    {
        if (path is null || File.Exists(path))
        {
            return;
        }

        if (Directory.Exists(path))
        {
            throw new UsageException($"\"{path}\" is a folder, where the file of a model should be.");
        }

        Console.WriteLine($"There is no model {path}: training it ...");
        var watch = Stopwatch.StartNew();
        Folders.CreateOutput(Path.GetDirectoryName(Path.GetFullPath(path))!);
        train(path);
        Console.WriteLine($"Trained in {watch.Elapsed.TotalSeconds:F0} s.");
    }
}
