using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>A weight says how often a row counts, whatever trains.</summary>
[TestClass]
public sealed class WeightTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    public static IEnumerable<object[]> AllOptimizers =>
    [
        [Ief], [Ef], [Ng], [HessianFree], [Kfac], [Ekfac], [Iekfac], [AdaFisher], [AdaFisherW], [FAdam], [RootFreeRmsProp], [RootFreeAdamW], [SirfShampoo], [AdamQlr], [Optimizers.Adafactor],
        [Optimizers.AdamW], [Optimizers.Sgd], // not Sf, which draws other labels for two rows than for one
    ];

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void Fit_RowOfWeightTwo_IsTheRowTwice(OptimizerOptions optimizer)
    {
        var rows = TinyText.Rows(8);
        using var twice = Fit([.. rows, rows[1], rows[4]], optimizer, _ => 1);
        using var weighted = Fit(rows, optimizer, i => i is 1 or 4 ? 2 : 1);
        using var plain = Fit(rows, optimizer, _ => 1);

        AssertNearer(twice, weighted, plain);
    }

    [TestMethod]
    [DataRow("last layer")]
    [DataRow("T5")]
    [DataRow("parts")]
    public void Fit_WhateverTheRowsGoThrough_RowOfWeightTwoIsTheRowTwice(string kind)
    {
        var rows = TinyText.Rows(8);
        using var twice = Fit([.. rows, rows[1], rows[4]], Ief, _ => 1, Change);
        using var weighted = Fit(rows, Ief, i => i is 1 or 4 ? 2 : 1, Change);
        using var plain = Fit(rows, Ief, _ => 1, Change);

        AssertNearer(twice, weighted, plain);

        void Change(TextClassificationTrainer.Options options)
        {
            options.Adapter = kind == "last layer" ? Adapters.LoRA with { Layers = 1 } : Adapters.LoRA;
            options.Model = kind == "T5" ? TinyT5.Model : TinyText.Model;
            options.MicroBatchSize = kind == "parts" ? 3 : null;
        }
    }

    [TestMethod]
    public void Fit_SolvedHead_RowOfWeightTwoIsTheRowTwice()
    {
        // The penalty is chosen by validation rows, weighted too: the division into parts would not be the same.
        var rows = TinyText.Rows(24);
        using var twice = Fit([.. rows, .. rows[..6]], Ief, _ => 1, options => (options.Adapter, options.ValidationSet) = (Adapters.HeadOnly, View([.. rows, .. rows[..6]], _ => 1)));
        using var weighted = Fit(rows, Ief, i => i < 6 ? 2 : 1, options => (options.Adapter, options.ValidationSet) = (Adapters.HeadOnly, View(rows, i => i < 6 ? 2 : 1)));

        AssertSame(twice, weighted, 1e-4f);
    }

    [TestMethod]
    public void Fit_RowOfWeightZero_IsLeftOutAndCounted()
    {
        var messages = new List<string>();
        _mlContext.Log += (_, message) => messages.Add(message.Message);
        var rows = TinyText.Rows(8);
        using var without = Fit(rows[..6], Ief, _ => 1);
        using var weightless = Fit(rows, Ief, i => i < 6 ? 1 : 0);

        AssertSame(without, weightless, 1e-6f);
        Assert.IsTrue(messages.Any(message => message.Contains("6 training rows; 0 skipped without a label, 2 of weight 0;", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_AllWeightsZero_SaysSo() => StringAssert.Contains(
        Assert.Throws<InvalidOperationException>(() => Fit(TinyText.Rows(4), Ief, _ => 0)).Message, "No training row is left: 4 have the weight 0 in the column 'Weight', 0 others a missing label");

    [TestMethod]
    [DataRow(-1f, "-1")]
    [DataRow(float.NaN, "NaN")]
    [DataRow(float.PositiveInfinity, "Infinity")]
    public void Fit_ImpossibleWeight_NamesTheRow(float weight, string text)
    {
        var error = Assert.Throws<InvalidOperationException>(() => Fit(TinyText.Rows(4), Ief, i => i == 2 ? weight : 1));

        StringAssert.StartsWith(error.Message, $"Row 3 has the weight {text} in the column 'Weight'.");
    }

    [TestMethod]
    public void Fit_ColumnOfWeightsMissingOrOfAnotherType_IsRefused()
    {
        var trainer = TinyText.Trainer(_mlContext, options => options.ExampleWeightColumnName = "Missing");
        StringAssert.Contains(Assert.Throws<ArgumentOutOfRangeException>(() => trainer.Fit(TinyText.KeyedRows(_mlContext, 4))).Message, "weight");

        trainer = TinyText.Trainer(_mlContext, options => options.ExampleWeightColumnName = "Text");
        StringAssert.Contains(Assert.Throws<ArgumentException>(() => trainer.Fit(TinyText.KeyedRows(_mlContext, 4))).Message, "Text");
    }

    [TestMethod]
    public void Validation_Weighted_ReportsTheWeightedLoss()
    {
        var rows = TinyText.Rows(12);
        TrainingProgress? twice = null, weighted = null;
        using var first = Fit(rows, Ief, _ => 1, options =>
        {
            options.ValidationSet = View([.. rows[..4], rows[0], rows[0]], _ => 1);
            options.MetricsCallback = progress => twice = progress.EndOfEpoch ? progress : twice;
        });
        using var second = Fit(rows, Ief, _ => 1, options =>
        {
            options.ValidationSet = View(rows[..4], i => i == 0 ? 3 : 1);
            options.MetricsCallback = progress => weighted = progress.EndOfEpoch ? progress : weighted;
        });

        Assert.AreEqual(twice!.ValidationLoss!.Value, weighted!.ValidationLoss!.Value, 1e-5);
    }

    [TestMethod]
    [DataRow("LoRA")]
    [DataRow("head, solved")]
    [DataRow("T5")]
    public void Progress_Weighted_CountsARowOfWeightThreeThriceInTheAccuracies(string kind)
    {
        var (rows, watched) = (TinyText.Rows(12), TinyText.Rows(4));
        watched[0].Label = "bad"; // a good one: however the model guesses, one row of four weighs
        var (thrice, weighted) = (new List<TrainingProgress>(), new List<TrainingProgress>());
        using var first = Fit([.. rows, rows[0], rows[0]], Ief, _ => 1, options => Watch(options, thrice, View([.. watched, watched[0], watched[0]], _ => 1)));
        using var second = Fit(rows, Ief, i => i == 0 ? 3 : 1, options => Watch(options, weighted, View(watched, i => i == 0 ? 3 : 1)));

        Assert.HasCount(thrice.Count, weighted);
        foreach (var (expected, actual) in thrice.Zip(weighted))
        {
            Assert.AreEqual(expected.Accuracy!.Value, actual.Accuracy!.Value, 1e-9);
            Assert.AreEqual(expected.ValidationAccuracy ?? 0, actual.ValidationAccuracy ?? 0, 1e-9);
        }

        void Watch(TextClassificationTrainer.Options options, List<TrainingProgress> seen, IDataView validation)
        {
            (options.ValidationSet, options.MetricsCallback, options.MaxEpoch) = (validation, seen.Add, 1);
            options.Adapter = kind == "head, solved" ? Adapters.HeadOnly : Adapters.LoRA;
            options.Model = kind == "T5" ? TinyT5.Model : TinyText.Model;
        }
    }

    [TestMethod]
    public void ClassWeights_Balanced_AreThoseOfTheirFormula()
    {
        var rows = TinyText.Rows(12).Where((_, i) => i % 2 == 0 || i < 4).ToArray(); // 6 good, 2 bad
        using var balanced = Fit(rows, Ief, _ => 1, options => options.ClassWeights = ClassWeights.Balanced);
        using var byColumn = Fit(rows, Ief, i => rows[i].Label == "good" ? 8 / (2 * 6f) : 8 / (2 * 2f));
        using var given = Fit(rows, Ief, _ => 1, options => options.ClassWeights = ClassWeights.Of(new Dictionary<string, double> { ["good"] = 8 / 12.0, ["bad"] = 2 }));

        AssertSame(balanced, byColumn, 1e-5f);
        AssertSame(balanced, given, 1e-5f);
    }

    [TestMethod]
    public void ClassWeights_OfUnknownClassOrNoNumber_AreRefused()
    {
        StringAssert.Contains(
            Assert.Throws<InvalidOperationException>(() => Fit(TinyText.Rows(4), Ief, _ => 1, options => options.ClassWeights = ClassWeights.Of(new Dictionary<string, double> { ["god"] = 2 }))).Message,
            "ClassWeights has a weight for 'god', which is no class of the label column.");
        Assert.Throws<ArgumentOutOfRangeException>(() => ClassWeights.Of(new Dictionary<string, double> { ["good"] = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => ClassWeights.Of(new Dictionary<string, double> { ["good"] = 1e300 }));
    }

    // Up to rounding, which is small beside what weights that are not seen would leave.
    private void AssertNearer(TextClassificationTransformer expected, TextClassificationTransformer actual, TextClassificationTransformer without) =>
        Fixture.AssertLess(0.05 * Distance(expected, without), Distance(expected, actual));

    private double Distance(TextClassificationTransformer first, TextClassificationTransformer second)
    {
        var rows = View(TinyText.Rows(16), _ => 1);
        return TinyText.Scores(first, rows).Zip(TinyText.Scores(second, rows)).Max(pair => Math.Abs(pair.First[0] - (double)pair.Second[0]));
    }

    private void AssertSame(TextClassificationTransformer expected, TextClassificationTransformer actual, float tolerance)
    {
        var rows = View(TinyText.Rows(16), _ => 1);
        var (first, second) = (TinyText.Scores(expected, rows), TinyText.Scores(actual, rows));
        for (var i = 0; i < first.Length; i++)
        {
            Assert.AreEqual(first[i][0], second[i][0], tolerance);
        }
    }

    private IDataView View(IReadOnlyList<TextRow> rows, Func<int, float> weight)
    {
        var data = _mlContext.Data.LoadFromEnumerable(rows.Select((row, i) => new WeightedRow { Label = row.Label, Text = row.Text, Weight = weight(i) }));
        var keys = _mlContext.Data.LoadFromEnumerable(new[] { new { Value = "good" }, new { Value = "bad" } });
        return _mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(data).Transform(data);
    }

    private TextClassificationTransformer Fit(
        IReadOnlyList<TextRow> rows, OptimizerOptions optimizer, Func<int, float> weight, Action<TextClassificationTrainer.Options>? change = null) => TinyText.Trainer(_mlContext, options =>
        {
            (options.Optimizer, options.BatchSize, options.ExampleWeightColumnName) = (optimizer, 64, "Weight");
            change?.Invoke(options);
        }).Fit(View(rows, weight));

    private sealed class WeightedRow
    {
        public string? Label { get; set; }

        public string? Text { get; set; }

        public float Weight { get; set; }
    }
}
