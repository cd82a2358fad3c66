using Microsoft.ML;
using Microsoft.ML.Data;
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

        var engine = new Lazy<PredictionEngine<ImageRow, Scores>>(CreateEngine);
        ClassProbabilities.Load(ModelPath, engine);
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        engine.Value.OutputSchema["Label"].GetKeyValues(ref names);
        var classes = names.DenseValues().Select(name => name.ToString()).ToArray();
        foreach (var picture in Pictures)
        {
            ClassProbabilities.Write(picture, Probabilities(engine.Value, classes, picture));
        }

        return 0;
    }

    private static IReadOnlyList<KeyValuePair<string, float>> Probabilities(PredictionEngine<ImageRow, Scores> engine, string[] classes, string picture)
    {
        try
        {
            var scores = engine.Predict(new ImageRow { ImagePath = picture }).Score;
            return [.. classes.Zip(scores, KeyValuePair.Create).OrderByDescending(pair => pair.Value)];
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException(exception.Message);
        }
    }

    private PredictionEngine<ImageRow, Scores> CreateEngine()
    {
        var mlContext = new MLContext();
        return mlContext.Model.CreatePredictionEngine<ImageRow, Scores>(mlContext.Model.Load(ModelPath, out _));
    }

    private sealed class Scores
    {
        public float[] Score { get; set; } = [];
    }
}
