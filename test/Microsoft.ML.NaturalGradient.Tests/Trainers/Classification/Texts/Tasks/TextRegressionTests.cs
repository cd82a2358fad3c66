using System.Text.Json.Nodes;
using Microsoft.ML.Data;
using static Microsoft.ML.NaturalGradient.Optimizers;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Numbers for single texts; what pairs and numbers have in common is tested with sentence similarity.</summary>
[TestClass]
public sealed class TextRegressionTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    public void Fit_SingleTexts_PredictsTheirNumbers()
    {
        using var model = Trainer(options => (options.MaxEpoch, options.Adapter) = (16, Adapters.Full)).Fit(View(160));

        var metrics = _mlContext.Regression.Evaluate(model.Transform(View(30)));
        Assert.IsGreaterThan(0.8, metrics.RSquared);
        Assert.AreEqual(model.Transform(View(30)).GetColumn<float>("Score").First(), model.Model.PredictNumbers([TinyText.Rows(30)[0].Text!])[0], 1e-5f);
    }

    [TestMethod]
    public void Fit_Pairs_IsSentenceSimilarity()
    {
        using var model = Trainer(options => options.Sentence2ColumnName = "Pair").Fit(View(16));
        using var similarity = _mlContext.Regression.Trainers.SentenceSimilarity(Ief, sentence1ColumnName: "Text", sentence2ColumnName: "Pair", batchSize: 8, maxEpochs: 2, model: TinyText.Model).Fit(View(16));

        CollectionAssert.AreEqual(similarity.Transform(View(16)).GetColumn<float>("Score").ToArray(), model.Transform(View(16)).GetColumn<float>("Score").ToArray());
    }

    [TestMethod]
    public void Fit_RowOfWeightTwo_IsTheRowTwice()
    {
        var rows = Rows(12);
        using var twice = Trainer(options => options.BatchSize = 32).Fit(_mlContext.Data.LoadFromEnumerable(rows.Concat(rows[..3])));
        rows = Rows(12);
        Array.ForEach(rows[..3], row => row.Weight = 2);
        using var weighted = Trainer(options => (options.BatchSize, options.ExampleWeightColumnName) = (32, "Weight")).Fit(_mlContext.Data.LoadFromEnumerable(rows));

        foreach (var (first, second) in twice.Transform(View(12)).GetColumn<float>("Score").Zip(weighted.Transform(View(12)).GetColumn<float>("Score")))
        {
            Assert.AreEqual(first, second, 1e-3f); // the scale of the labels is weighted too
        }
    }

    /// <summary>The head of a trained model puts out labels; what is trained puts out labels of mean 0 and deviation 1.</summary>
    [TestMethod]
    [DataRow(true, false)]
    [DataRow(false, false)]
    [DataRow(true, true)]
    [DataRow(false, true)]
    public void Fit_FromATrainedModel_GoesOnWhereItWas(bool adapter, bool readsMean)
    {
        var (start, folder) = (Directory.CreateTempSubdirectory("number-start").FullName, Directory.CreateTempSubdirectory("number-again").FullName);
        foreach (var file in Directory.EnumerateFiles(TinyText.Folder))
        {
            File.Copy(file, Path.Combine(start, Path.GetFileName(file)));
        }

        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(start, "config.json")))!;
        config["architectures"] = new JsonArray(readsMean ? "BertModel" : "BertForSequenceClassification");
        File.WriteAllText(Path.Combine(start, "config.json"), config.ToJsonString());
        var data = _mlContext.Data.LoadFromEnumerable(Rows(48).Select(row => new Row { Text = row.Text, Label = 1000 + (10 * row.Label) }));
        using var trained = Trainer(options => (options.Model, options.MaxEpoch) = (PretrainedModel.FromFolder(start), 8)).Fit(data);
        var expected = _mlContext.Regression.Evaluate(trained.Transform(data)).MeanSquaredError;
        try
        {
            if (adapter)
            {
                trained.Model.SavePeft(folder);
            }
            else
            {
                trained.Model.SavePretrained(folder);
            }

            double? first = null;

            using var again = Trainer(options =>
            {
                (options.BatchSize, options.MaxEpoch, options.MetricsCallback) = (48, 1, progress => first ??= progress.Loss);
                options.Model = PretrainedModel.FromFolder(adapter ? start : folder);
                options.Adapter = adapter ? PublicCheckpoints.LoadPeft(folder) : Adapters.LoRA;
            }).Fit(data);

            Assert.AreEqual(expected, first!.Value, 0.01 * expected); // of all rows before the first step
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
            Directory.Delete(start, recursive: true);
        }
    }

    [TestMethod]
    public void Fit_OneNumberForAll_PredictsIt()
    {
        var data = _mlContext.Data.LoadFromEnumerable(Rows(10).Select((row, i) => new Row { Text = row.Text, Label = 0.1f, Weight = 0.1f + i }));
        double? first = null;

        using var model = Trainer(options => (options.BatchSize, options.ExampleWeightColumnName, options.MetricsCallback) = (10, "Weight", progress => first ??= progress.Loss)).Fit(data);

        Assert.IsTrue(first > 1e-12, "a number for all has no unit but its own"); // not the rounding of its mean
        Assert.IsTrue(model.Transform(data).GetColumn<float>("Score").All(score => Math.Abs(score - 0.1f) < 0.1f));
    }

    [TestMethod]
    public void Trainer_KeepsTheEstimatorContract() => EstimatorContract.Check(
        _mlContext, Trainer(), View(12), _mlContext.Data.LoadFromEnumerable([new { Label = "a", Text = 2f }]), "Score");

    [TestMethod]
    public void Create_AccuracyWatched_IsRefused() => Assert.ThrowsExactly<ArgumentException>(
        () => Trainer(options => (options.ValidationSetFraction, options.EarlyStopping) = (0.2, new EarlyStopping { WatchAccuracy = true })));

    private IDataView View(int count) => _mlContext.Data.LoadFromEnumerable(Rows(count));

    private TextRegressionTrainer Trainer(Action<TextRegressionTrainer.Options>? change = null)
    {
        var options = new TextRegressionTrainer.Options { Model = TinyText.Model, MaxEpoch = 2, BatchSize = 8, Sentence1ColumnName = "Text" };
        change?.Invoke(options);
        return _mlContext.Regression.Trainers.TextRegression(options);
    }

    private static Row[] Rows(int count) => [.. TinyText.Rows(count).Select(row => new Row { Text = row.Text!, Pair = row.Pair!, Label = row.Label == "good" ? 4.5f : 1.5f })];

    private sealed class Row
    {
        public float Label { get; set; }

        public string Text { get; set; } = "";

        public string Pair { get; set; } = "";

        public float Weight { get; set; } = 1;
    }
}
