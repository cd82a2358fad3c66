using Microsoft.ML;
using Samples;

namespace ImageClassificationSample;

/// <summary>Runs the code of docs/images.md on a few pictures.</summary>
/// <param name="DataPath">A folder laid out like the shipped pictures.</param>
internal sealed record ImagesCommand(string DataPath)
{
    private const int TrainingPictures = 2; // of a class: enough to show that everything works
    private const int TestPictures = 1;

    public int Run()
    {
        var folder = Directory.CreateTempSubdirectory("images").FullName;
        try
        {
            var set = PictureSet.Read(DataPath, TrainingPictures, TestPictures);
            Copy(set.Training, Path.Combine(folder, "train"));
            Copy(set.Test, Path.Combine(folder, "test"));
            Folders.RunInTemporary(() => Images.Run(folder, set.Test[0].ImagePath));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Copy(IEnumerable<ImageRow> pictures, string folder)
    {
        foreach (var picture in pictures)
        {
            var target = Directory.CreateDirectory(Path.Combine(folder, picture.Label));
            File.Copy(picture.ImagePath, Path.Combine(target.FullName, Path.GetFileName(picture.ImagePath)));
        }
    }
}
