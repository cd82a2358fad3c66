using Microsoft.ML.NaturalGradient.Tests.Models;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Every architecture through the public trainer: trained for a few steps, saved, loaded.</summary>
[TestClass]
public sealed class EncoderTrainingTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("encoder-training").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("electra", false)]
    [DataRow("roberta", true)]
    [DataRow("distilbert", false)]
    [DataRow("deberta-v2", true)]
    [DataRow("modernbert", false)]
    [DataRow("mpnet", true)]
    public void FitSaveLoad_Architecture_LossFallsAndScoresStay(string name, bool hasThreeClasses)
    {
        WriteFolder(name);
        var mlContext = new MLContext(seed: 1);
        string[] classes = hasThreeClasses ? ["good", "bad", "neutral"] : ["good", "bad"]; // with the checkpoint's last layer, and without
        var data = TinyText.KeyedRows(mlContext, 24, classes);
        var losses = new List<double>();

        using var model = TinyText.Trainer(mlContext, options =>
        {
            options.Model = PretrainedModel.FromFolder(_folder);
            options.MaxEpoch = 6;
            options.MetricsCallback = progress =>
            {
                if (progress.EndOfEpoch)
                {
                    losses.Add(progress.Loss);
                }
            };
        }).Fit(data);
        using var stream = new MemoryStream();
        mlContext.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        using var loaded = (TextClassificationTransformer)new MLContext().Model.Load(stream, out _);

        Fixture.AssertLess(0.99 * losses[0], losses[^1], string.Join(", ", losses));
        CollectionAssert.AreEqual(Flat(model, data), Flat(loaded, data));
    }

    /// <summary>The fixtures are classifiers of whole texts, whose heads have other layers, or a linear map that reads something else.</summary>
    [TestMethod]
    [DataRow("bert")]
    [DataRow("electra")]
    [DataRow("roberta")]
    [DataRow("mpnet")]
    public void Fit_TagsFromAClassifierOfWholeTexts_BeginWithANewHead(string name)
    {
        WriteFolder(name);
        var mlContext = new MLContext(seed: 1);
        var view = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 4).Select(_ => new { Sentence = "the film was good", Label = new[] { "O", "B-THING", "O", "B-OTHER" } }));
        var data = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);
        double? first = null;

        using var model = mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(new NamedEntityRecognitionTrainer.Options
        {
            Model = PretrainedModel.FromFolder(_folder),
            MaxEpoch = 1,
            MetricsCallback = progress => first ??= progress.Loss,
        }).Fit(data);

        Assert.AreEqual(4 * Math.Log(3), first!.Value, 0.4); // of a head that knows nothing yet
    }

    private void WriteFolder(string name)
    {
        foreach (var (file, content) in new EncoderFixture(name).Contents())
        {
            File.WriteAllBytes(Path.Combine(_folder, file), content);
        }

        File.Copy(Path.Combine(TinyText.Folder, "vocab.txt"), Path.Combine(_folder, "vocab.txt"), overwrite: true);
    }

    private static float[] Flat(ITransformer model, IDataView data) => [.. TinyText.Scores(model, data).SelectMany(scores => scores)];
}
