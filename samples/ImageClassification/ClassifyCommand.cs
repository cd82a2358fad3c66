using Samples;

namespace ImageClassificationSample;

/// <summary>Loads a saved model and prints the class and the probabilities of each picture.</summary>
internal sealed record ClassifyCommand(string ModelPath, IReadOnlyList<string> Pictures)
{
    public int Run()
    {
        foreach (var picture in Pictures.Where(picture => !File.Exists(picture)))
        {
            throw new UsageException($"There is no picture \"{picture}\".");
        }

        ImageModel.MLNetModelPath = Path.GetFullPath(ModelPath);
        ClassProbabilities.Load(ModelPath, ImageModel.PredictEngine);
        foreach (var picture in Pictures)
        {
            ClassProbabilities.Write(picture, Probabilities(picture));
        }

        return 0;
    }

    private static IReadOnlyList<KeyValuePair<string, float>> Probabilities(string picture)
    {
        try
        {
            return ImageModel.PredictAllLabels(new ImageModel.ModelInput { ImagePath = picture });
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException(exception.Message);
        }
    }
}
