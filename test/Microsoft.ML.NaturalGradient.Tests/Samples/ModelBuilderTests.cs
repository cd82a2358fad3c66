using Microsoft.ML.NaturalGradient.Tests.Documentation;
using ModelBuilderSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

/// <summary>The files of samples/ModelBuilder train, save, evaluate and consume, as in a project that Model Builder made.</summary>
[TestClass]
public sealed class ModelBuilderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("model-builder-").FullName;

    private static string SamplesFolder => Path.Combine(CodeExampleTests.RepositoryRoot(), "samples");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void ReviewModel_TrainedOnAFile_IsEvaluatedAndConsumed()
    {
        var file = Path.Combine(_folder, "reviews.tsv");
        var lines = File.ReadAllLines(Path.Combine(SamplesFolder, "TextClassification", "Data", "reviews.tsv"));
        var few = lines.Skip(1).GroupBy(line => line.Split('\t')[0]).SelectMany(rows => rows.Take(4));
        File.WriteAllLines(file, few.Prepend(lines[0]));
        ReviewModel.MLNetModelPath = Path.Combine(_folder, "ReviewModel.mlnet");

        ReviewModel.Train(ReviewModel.MLNetModelPath, file);

        using var engine = ReviewModel.PredictEngine.Value;
        var mlContext = new MLContext();
        var data = ReviewModel.LoadIDataViewFromFile(
            mlContext, file, ReviewModel.RetrainSeparatorChar, ReviewModel.RetrainHasHeader, ReviewModel.RetrainAllowQuoting);
        var model = mlContext.Model.Load(ReviewModel.MLNetModelPath, out var schema);
        using (model as IDisposable)
        {
            Fixture.AssertLess(0.4, 1 - ReviewModel.Evaluate(mlContext, model, data).MicroAccuracy); // of the rows it was trained on
        }

        CollectionAssert.AreEqual(new[] { "Label", "Text" }, schema.Select(column => column.Name).ToArray());
        AssertProbabilities(["negative", "positive"], ReviewModel.PredictAllLabels(new ReviewModel.ModelInput { Text = "I loved it." }));
    }

    [TestMethod]
    public void ImageModel_TrainedOnAFolder_IsEvaluatedAndConsumed()
    {
        string[] classes = ["Bag", "Trouser"];
        foreach (var name in classes)
        {
            var folder = Directory.CreateDirectory(Path.Combine(_folder, "pictures", name)).FullName;
            foreach (var picture in Directory.GetFiles(Path.Combine(SamplesFolder, "ImageClassification", "data", "train", name)).Order(StringComparer.Ordinal).Take(6)) // generated code has no seed: enough that any draw learns them
            {
                File.Copy(picture, Path.Combine(folder, Path.GetFileName(picture)));
            }
        }

        var pictures = Path.Combine(_folder, "pictures");
        ImageModel.MLNetModelPath = Path.Combine(_folder, "ImageModel.mlnet");

        ImageModel.Train(ImageModel.MLNetModelPath, pictures);

        using var engine = ImageModel.PredictEngine.Value;
        var mlContext = new MLContext();
        var data = ImageModel.LoadImageFromFolder(mlContext, pictures);
        var model = mlContext.Model.Load(ImageModel.MLNetModelPath, out var schema);
        using (model as IDisposable)
        {
            Fixture.AssertLess(0.4, 1 - ImageModel.Evaluate(mlContext, model, data).MicroAccuracy); // of the pictures it was trained on
        }

        CollectionAssert.AreEqual(new[] { "Label", "ImageSource" }, schema.Select(column => column.Name).ToArray());
        var bytes = File.ReadAllBytes(Directory.GetFiles(Path.Combine(pictures, "Bag"))[0]);
        AssertProbabilities(classes, ImageModel.PredictAllLabels(new ImageModel.ModelInput { ImageSource = bytes }));
    }

    private static void AssertProbabilities(string[] classes, IReadOnlyList<KeyValuePair<string, float>> probabilities)
    {
        CollectionAssert.AreEquivalent(classes, probabilities.Select(pair => pair.Key).ToArray());
        Assert.AreEqual(1, probabilities.Sum(pair => pair.Value), 1e-5);
        Assert.IsGreaterThanOrEqualTo(probabilities[^1].Value, probabilities[0].Value);
    }
}
