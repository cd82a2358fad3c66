using Microsoft.ML.Data;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class SentenceSimilarityTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    public static IEnumerable<object[]> AllOptimizers =>
    [
        [Ief], [Ef with { LearningRate = 0.1 }], [Sf with { LearningRate = 0.1 }], [Optimizers.AdamW with { LearningRate = 0.01 }], [Optimizers.Sgd],
    ];

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void Fit_AnyOptimizer_LowersTheMeanSquaredError(OptimizerOptions optimizer)
    {
        var losses = new List<double>();

        using var model = Trainer(options =>
        {
            options.Optimizer = optimizer;
            options.MaxEpoch = 6;
            options.MetricsCallback = progress =>
            {
                Assert.IsNull(progress.Accuracy);
                if (progress.EndOfEpoch)
                {
                    losses.Add(progress.Loss);
                }
            };
        }).Fit(View(Rows(48)));

        Fixture.AssertLess(0.99 * losses[0], losses[^1]);
    }

    [TestMethod]
    public void Fit_LabelsInAnotherUnit_GivesTheSamePredictionsInThatUnit()
    {
        var rows = Rows(32);
        using var plain = Trainer().Fit(View(rows));
        var expected = Scores(plain, rows);

        foreach (var row in rows)
        {
            row.Label = (1000 * row.Label) + 500;
        }

        using var scaled = Trainer().Fit(View(rows));

        foreach (var (small, large) in expected.Zip(Scores(scaled, rows)))
        {
            Assert.AreEqual((1000 * small) + 500, large, 0.5); // float32 labels and training
        }
    }

    [TestMethod]
    public void Fit_ValidationSet_ReportsWhatEvaluateFinds()
    {
        var validation = View(Rows(18));
        TrainingProgress? last = null;

        using var model = Trainer(options =>
        {
            options.ValidationSet = validation;
            options.EarlyStopping = new EarlyStopping { Patience = 10 };
            options.MetricsCallback = progress => last = progress.EndOfEpoch && (last is null || progress.ValidationLoss < last.ValidationLoss) ? progress : last;
        }).Fit(View(Rows(32)));

        var metrics = _mlContext.Regression.Evaluate(model.Transform(validation));
        Assert.AreEqual(metrics.MeanSquaredError, last!.ValidationLoss!.Value, 1e-5 * metrics.MeanSquaredError);
        Assert.IsNull(last.ValidationAccuracy);
    }

    [TestMethod]
    public void Fit_LabelNotANumber_IsSkippedAndCounted()
    {
        var messages = new List<string>();
        _mlContext.Log += (_, message) => messages.Add(message.Message);
        var rows = Rows(12);
        rows[3].Label = float.NaN;
        rows[5].Label = float.PositiveInfinity;

        using var model = Trainer().Fit(View(rows));

        Assert.IsTrue(messages.Any(message => message.Contains("10 training rows; 2 skipped without a label", StringComparison.Ordinal)));
        Assert.IsTrue(messages.Any(message => message.Contains("mean squared error", StringComparison.Ordinal)));
        Assert.IsTrue(Scores(model, rows).All(float.IsFinite));
    }

    [TestMethod]
    public void Fit_AllLabelsEqual_PredictsAboutThem()
    {
        var rows = Rows(12);
        Array.ForEach(rows, row => row.Label = 3);

        using var model = Trainer(options => options.MaxEpoch = 4).Fit(View(rows));

        Assert.IsTrue(Scores(model, rows).All(score => Math.Abs(score - 3) < 0.5));
    }

    [TestMethod]
    public void Trainer_KeepsTheEstimatorContract() => EstimatorContract.Check(
        _mlContext, Trainer(), View(Rows(12)), _mlContext.Data.LoadFromEnumerable([new { Label = 1f, Text = 2f, Pair = "a" }]), "Score");

    [TestMethod]
    public void SaveAndLoad_WithoutBase_GivesEqualPredictions()
    {
        var rows = Rows(12);
        using var model = Trainer(options => options.SaveBaseModel = false).Fit(View(rows));
        using var stream = new MemoryStream();
        _mlContext.Model.Save(model, View(rows).Schema, stream);

        var loaded = new MLContext().UsePretrainedModel(TinyText.Model).Model.Load(stream, out _);

        using var owner = (IDisposable)loaded;
        CollectionAssert.AreEqual(Scores(model, rows), Scores(loaded, rows));
        Assert.IsInstanceOfType<SentenceSimilarityTransformer>(loaded);
    }

    [TestMethod]
    public void PredictSimilarities_OfADisposedModel_NamesItsClass()
    {
        using var model = Trainer().Fit(View(Rows(10)));
        model.Dispose();

        var exception = Assert.ThrowsExactly<ObjectDisposedException>(() => model.Model.PredictSimilarities(["a"], ["b"]));

        Assert.AreEqual(nameof(SentenceSimilarityModel), exception.ObjectName);
    }

    [TestMethod]
    public void PredictSimilarities_EqualsTransform()
    {
        var rows = Rows(10);
        using var model = Trainer().Fit(View(rows));

        var predicted = model.Model.PredictSimilarities([.. rows.Select(row => row.Text)], [.. rows.Select(row => row.Pair)]);

        CollectionAssert.AreEqual(Scores(model, rows), predicted.ToArray());
        Assert.ThrowsExactly<ArgumentException>(() => model.Model.PredictSimilarities(["a", "b"], ["c"]));
    }

    [TestMethod]
    public void SavePeftAndPretrained_ContinueWhereTheModelStopped()
    {
        var rows = Rows(10);
        using var model = Trainer().Fit(View(rows));
        var folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            var expected = Scores(model, rows);
            model.Model.MergeAdapter();
            Assert.IsTrue(model.Model.IsMerged);
            foreach (var (unmerged, merged) in expected.Zip(Scores(model, rows)))
            {
                Assert.AreEqual(unmerged, merged, 1e-4f); // float32
            }

            model.Model.UnmergeAdapter();
            CollectionAssert.AreEqual(expected, Scores(model, rows));
            model.Model.SavePeft(folder);
            model.Model.SavePretrained(Path.Combine(folder, "whole"));

            // One epoch at a learning rate of nearly zero, so that the scores are those of the weights that were read.
            using var again = Trainer(options =>
            {
                options.Adapter = ML.Checkpoints.LoadPeft(folder);
                options.Optimizer = Ief with { LearningRate = 1e-12 };
                options.MaxEpoch = 1;
            }).Fit(View(Standardized(rows)));
            var scores = Scores(again, rows);
            Assert.Contains("\"regression\"", File.ReadAllText(Path.Combine(folder, "whole", "config.json")));
            for (var i = 0; i < rows.Length; i++)
            {
                Assert.AreEqual(expected[i], scores[i], 1e-4f);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void SentenceSimilarity_NamedArguments_KeepMlNetsNamesAndDefaults()
    {
        var rows = Rows(8).Select(row => new { row.Label, Sentence1 = row.Text, Sentence2 = row.Pair });
        var data = _mlContext.Data.LoadFromEnumerable(rows);

        using var model = _mlContext.Regression.Trainers.SentenceSimilarity(
            optimizer: Ief, labelColumnName: "Label", scoreColumnName: "Score", sentence1ColumnName: "Sentence1",
            sentence2ColumnName: "Sentence2", batchSize: 4, maxEpochs: 1, model: TinyText.Model, validationSet: data).Fit(data);

        Assert.AreEqual(NumberDataViewType.Single, model.GetOutputSchema(data.Schema)["Score"].Type);
    }

    [TestMethod]
    public void CrossValidate_ReportsErrors()
    {
        var results = _mlContext.Regression.CrossValidate(View(Rows(30)), Trainer(), numberOfFolds: 3);

        Assert.IsTrue(results.All(result => double.IsFinite(result.Metrics.MeanSquaredError)));
    }

    [TestMethod]
    public void Fit_LabelIsAKey_SaysWhatIsWanted()
    {
        var exception = Assert.Throws<ArgumentOutOfRangeException>(
            () => Trainer(options => options.Sentence2ColumnName = "Pair").Fit(TinyText.KeyedRows(_mlContext, 8)));

        Assert.Contains("expected Single, which Transforms.Conversion.ConvertType makes", exception.Message);
    }

    [TestMethod]
    public void Create_WatchAccuracy_Refuses() => Assert.ThrowsExactly<ArgumentException>(() => Trainer(options =>
    {
        options.ValidationSetFraction = 0.2;
        options.EarlyStopping = new EarlyStopping { WatchAccuracy = true };
    }));

    [TestMethod]
    public void Create_NoSecondSentence_Refuses() =>
        Assert.Throws<ArgumentException>(() => Trainer(options => options.Sentence2ColumnName = null));

    // Labels of mean 0 and deviation 1, which training does not rescale.
    private static SimilarityRow[] Standardized(SimilarityRow[] rows)
    {
        var mean = rows.Average(row => (double)row.Label);
        var deviation = Math.Sqrt(rows.Average(row => Math.Pow(row.Label - mean, 2)));
        return [.. rows.Select(row => new SimilarityRow { Text = row.Text, Pair = row.Pair, Label = (float)((row.Label - mean) / deviation) })];
    }

    private static SimilarityRow[] Rows(int count) =>
        [.. TinyText.Rows(count, "good", "bad", "neutral").Select(row => new SimilarityRow
        {
            Text = row.Text!,
            Pair = row.Pair!,
            Label = row.Label switch { "good" => 5, "neutral" => 2.5f, _ => 0 },
        })];

    private SentenceSimilarityTrainer Trainer(Action<SentenceSimilarityTrainer.Options>? change = null)
    {
        var options = new SentenceSimilarityTrainer.Options
        {
            Sentence1ColumnName = "Text",
            Sentence2ColumnName = "Pair",
            Model = TinyText.Model,
            MaxEpoch = 2,
            BatchSize = 8,
        };
        change?.Invoke(options);
        return _mlContext.Regression.Trainers.SentenceSimilarity(options);
    }

    private IDataView View(IEnumerable<SimilarityRow> rows) => _mlContext.Data.LoadFromEnumerable(rows);

    private float[] Scores(ITransformer model, IEnumerable<SimilarityRow> rows) => [.. model.Transform(View(rows)).GetColumn<float>("Score")];

    private sealed class SimilarityRow
    {
        public float Label { get; set; }

        public string Text { get; set; } = "";

        public string Pair { get; set; } = "";
    }
}
