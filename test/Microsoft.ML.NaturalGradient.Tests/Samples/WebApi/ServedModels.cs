using Microsoft.ML.Data;
using WebApiSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.WebApi;

/// <summary>Models of the web sample, trained once, and what they answer in this process.</summary>
internal static class ServedModels
{
    private static readonly string Folder = CreateFolder();

    private static readonly Lazy<string> FirstReviews = new(() => TrainReviews("first.zip", 1));

    private static readonly Lazy<string> SecondReviews = new(() => TrainReviews("second.zip", 2));

    private static readonly Lazy<string> OnnxReviews = new(() => TrainReviews("onnx.zip", 1, forServing: true));

    private static readonly Lazy<string> PicturesFile = new(TrainPictures);

    /// <summary>A text classifier.</summary>
    public static string First => FirstReviews.Value;

    /// <summary>Another one, with other scores.</summary>
    public static string Second => SecondReviews.Value;

    /// <summary>The first one, for ONNX Runtime.</summary>
    public static string FirstForServing => OnnxReviews.Value;

    /// <summary>A picture classifier.</summary>
    public static string Pictures => PicturesFile.Value;

    /// <summary>Sentences of several lengths.</summary>
    public static string[] Sentences { get; } =
        [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Data", "reviews.tsv")).Skip(500).Take(40).Select(line => line.Split('\t')[2])];

    /// <summary>Files of a few shipped pictures.</summary>
    public static string[] PictureFiles { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Data", "pictures"), "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Where((_, i) => i % 90 == 7)];

    /// <summary>An empty file name in a folder that the process deletes when it ends.</summary>
    public static string NewPath() => Path.Combine(Folder, $"{Guid.NewGuid():N}.zip");

    /// <summary>A copy of a model that a test may replace.</summary>
    public static string Copy(string model)
    {
        var path = NewPath();
        Replace(path, model);
        return path;
    }

    /// <summary>Puts a file in the place of another as a whole.</summary>
    public static void Replace(string path, string by)
    {
        File.Copy(by, path + ".new", overwrite: true);
        File.SetLastWriteTimeUtc(path + ".new", DateTime.UtcNow);
        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>What <c>Transform</c> of a loaded model gives: class names with their probabilities.</summary>
    public static Dictionary<string, float>[] Transform<TInput>(string path, IReadOnlyList<TInput> rows)
        where TInput : class
    {
        var mlContext = new MLContext();
        var model = mlContext.Model.Load(path, out _);
        using var owned = (IDisposable)model;
        var scored = model.Transform(mlContext.Data.LoadFromEnumerable(rows));
        var names = default(VBuffer<ReadOnlyMemory<char>>);
        scored.Schema["Score"].GetSlotNames(ref names);
        var classes = names.DenseValues().Select(name => name.ToString()).ToArray();
        return [.. scored.GetColumn<float[]>("Score").Select(scores => classes.Zip(scores).ToDictionary(pair => pair.First, pair => pair.Second))];
    }

    /// <summary>Whether an answer has the probabilities of a model, up to sums of another order in batches of another size.</summary>
    public static bool Agrees(Prediction answer, Dictionary<string, float> scores) =>
        answer.Classes.Count == scores.Count && answer.Classes.All(item => Math.Abs(item.Probability - scores[item.Name]) < 1e-5F);

    /// <summary>A row for the text classifier.</summary>
    public static ReviewModel.ModelInput Review(string text) => new() { Text = text };

    private static string CreateFolder()
    {
        var folder = Directory.CreateTempSubdirectory("served-models-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    }

    private static string TrainReviews(string name, int seed, bool forServing = false)
    {
        var path = Path.Combine(Folder, name);
        ReviewModel.Train(Path.Combine(AppContext.BaseDirectory, "Data", "reviews.tsv"), path, rows: 64, seed, forServing);
        return path;
    }

    private static string TrainPictures()
    {
        var path = Path.Combine(Folder, "pictures.zip");
        PictureModel.Train(Path.Combine(AppContext.BaseDirectory, "Data", "pictures"), path, picturesOfClass: 3, epochs: 1);
        return path;
    }
}
