using System.Diagnostics;
using Microsoft.ML;
using ModelBuilderSample;
using Samples;

namespace TextClassificationSample;

/// <summary>Loads a saved model and writes the class and the probability of each text of a file into another; by all processes together.</summary>
internal sealed record ClassifyFileCommand(string ModelPath, TextsFile Input, string OutputPath)
{
    public int Run()
    {
        var output = Path.GetFullPath(OutputPath);
        if (output == Path.GetFullPath(Input.FilePath) || output == Path.GetFullPath(ModelPath) || Directory.Exists(output))
        {
            throw new UsageException($"\"{OutputPath}\" is {(Directory.Exists(output) ? "a folder" : "a file that is read")}. Choose another file with --output.");
        }

        if (Team.IsFirst)
        {
            Folders.CreateOutput(Path.GetDirectoryName(output)!);
        }

        var mlContext = new MLContext();
        var model = ClassProbabilities.LoadFrom(ModelPath, path => mlContext.Model.Load(path, out _));
        using (model as IDisposable)
        {
            var texts = Input.Read();
            var watch = Stopwatch.StartNew();
            new SharedPredictions(Team.All, block => Predict(mlContext, model, block)).Write(texts, ModelPath, OutputPath);
            var team = Team.All.Size == 1 ? "" : $" by {Team.All.Size} processes";
            Console.WriteLine($"Predictions: {OutputPath}, {texts.Count / watch.Elapsed.TotalSeconds:F0} texts/s{team}");
        }

        return 0;
    }

    /// <summary>Scores texts by an ordinary pipeline.</summary>
    public static IEnumerable<(string Label, float Probability)> Predict(MLContext mlContext, ITransformer model, IEnumerable<string> texts)
    {
        var rows = mlContext.Data.LoadFromEnumerable(texts.Select(text => new ReviewModel.ModelInput { Text = text }));
        return mlContext.Data.CreateEnumerable<Prediction>(model.Transform(rows), reuseRowObject: false).Select(row => (row.PredictedLabel, row.Score.Max()));
    }

    private sealed class Prediction
    {
        public string PredictedLabel { get; set; } = "";

        public float[] Score { get; set; } = [];
    }
}
