using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Classification;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class MultiLabelClassificationTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    public static IEnumerable<object[]> AllOptimizers => [[Ief], [Ef with { LearningRate = 0.1 }], [Sf with { LearningRate = 0.1 }], [Ng], [Optimizers.AdamW with { LearningRate = 0.01 }], [Kfac]];

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void Fit_AnyOptimizer_LowersTheLoss(OptimizerOptions optimizer)
    {
        var losses = new EpochLosses();

        using var model = Trainer(options =>
        {
            options.Optimizer = optimizer;
            options.MaxEpoch = 6;
            options.MetricsCallback = losses.Report;
        }).Fit(View(Rows(48)));

        losses.AssertFell();
    }

    [TestMethod]
    public void Fit_ClassesOfWords_FindsThemInNewTexts()
    {
        using var model = Trainer(options => (options.MaxEpoch, options.Adapter) = (16, Adapters.Full)).Fit(View(Rows(128)));

        var metrics = _mlContext.MulticlassClassification.EvaluateMultiLabel(model.Transform(View(Rows(40, seed: 2))));

        Assert.IsGreaterThan(0.9, metrics.MicroF1);
        Assert.IsTrue(model.Transform(View(Rows(40, seed: 2))).GetColumn<VBuffer<uint>>("PredictedLabels").Any(row => row.Length == 0));
    }

    [TestMethod]
    public void Fit_HeadOnly_IsSolved()
    {
        var reports = 0;
        using var model = Trainer(options => (options.Adapter, options.MetricsCallback) = (Adapters.HeadOnly, _ => reports++)).Fit(View(Rows(64)));

        Assert.AreEqual(1, reports);
        Assert.IsGreaterThan(0.6, _mlContext.MulticlassClassification.EvaluateMultiLabel(model.Transform(View(Rows(64)))).MicroF1);
    }

    [TestMethod]
    public void Fit_ChooseThresholds_AreSavedAndUsed()
    {
        using var model = Trainer(options => (options.ValidationSet, options.ChooseThresholds) = (View(Rows(40, seed: 2)), true)).Fit(View(Rows(64)));
        using var stream = new MemoryStream();
        _mlContext.Model.Save(model, View(Rows(1)).Schema, stream);

        using var again = (MultiLabelClassificationTransformer)_mlContext.Model.Load(stream, out _);

        var thresholds = model.Model.Thresholds;
        Assert.IsTrue(thresholds.Any(threshold => threshold != 0.5f));
        CollectionAssert.AreEqual(thresholds.ToArray(), again.Model.Thresholds.ToArray());
        var (fixedF1, chosen) = (F1(0.5f), _mlContext.MulticlassClassification.EvaluateMultiLabel(again.Transform(View(Rows(40, seed: 2)))).MacroF1);
        Assert.IsGreaterThanOrEqualTo(fixedF1, chosen);

        double F1(float threshold)
        {
            using var plain = Trainer(options => (options.ValidationSet, options.Threshold) = (View(Rows(40, seed: 2)), threshold)).Fit(View(Rows(64)));
            return _mlContext.MulticlassClassification.EvaluateMultiLabel(plain.Transform(View(Rows(40, seed: 2)))).MacroF1;
        }
    }

    [TestMethod]
    public void BestThreshold_IsThatOfEveryDivisionTried()
    {
        var random = new Random(4);
        for (var draw = 0; draw < 200; draw++)
        {
            var rows = Enumerable.Range(0, 1 + random.Next(8)).Select(_ => new RankedRow(random.Next(5) / 8f, random.Next(2) == 1, 1 + random.Next(3))).ToArray();
            if (!rows.Any(row => row.IsTrue))
            {
                Assert.AreEqual(0.5f, BestThreshold.Of(rows, 0.5f));
                continue;
            }

            var threshold = BestThreshold.Of(rows, 0.5f);

            Assert.AreEqual(Enumerable.Range(0, 41).Max(i => F1(rows, (i / 64f) - 0.001f)), F1(rows, threshold), 1e-12);
        }

        static double F1(RankedRow[] rows, float threshold)
        {
            var right = rows.Where(row => row.IsTrue && row.Score >= threshold).Sum(row => row.Weight);
            return 2 * right / (rows.Where(row => row.Score >= threshold).Sum(row => row.Weight) + rows.Where(row => row.IsTrue).Sum(row => row.Weight));
        }
    }

    [TestMethod]
    public void BestThreshold_ScoresWithNothingBetween_DividesThem()
    {
        var below = 0.9f;
        for (var i = 0; i < 4; i++)
        {
            var above = float.BitIncrement(below);

            var threshold = BestThreshold.Of([new RankedRow(above, true, 1), new RankedRow(below, false, 1)], 0.5f);

            Assert.IsTrue(threshold > below && threshold <= above);
            below = above;
        }
    }

    [TestMethod]
    public void Trainer_KeepsTheEstimatorContract() => EstimatorContract.Check(
        _mlContext, Trainer(), View(Rows(12)), _mlContext.Data.LoadFromEnumerable([new { Label = 1f, Sentence1 = 2f }]), "Score", "PredictedLabels");

    [TestMethod]
    public void Create_ChooseThresholdsWithoutValidation_IsRefused() => StringAssert.Contains(
        Assert.ThrowsExactly<ArgumentException>(() => Trainer(options => options.ChooseThresholds = true)).Message, "no validation rows to choose by");

    private IDataView View(IEnumerable<LabelledRow> rows)
    {
        var data = _mlContext.Data.LoadFromEnumerable(rows);
        var keys = _mlContext.Data.LoadFromEnumerable(new[] { new { Value = "opinion" }, new { Value = "time" }, new { Value = "thing" } });
        return _mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(data).Transform(data);
    }

    private MultiLabelClassificationTrainer Trainer(Action<MultiLabelClassificationTrainer.Options>? change = null)
    {
        var options = new MultiLabelClassificationTrainer.Options { Model = TinyText.Model, MaxEpoch = 2, BatchSize = 8 };
        change?.Invoke(options);
        return _mlContext.MulticlassClassification.Trainers.MultiLabelClassification(options);
    }

    private static LabelledRow[] Rows(int count, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var (opinion, time, thing) = (random.Next(2) == 1, random.Next(3) == 1, random.Next(2) == 1);
            var words = new[] { "we", "had", opinion ? "good" : "it", time ? "night" : "and", thing ? "film" : "so", "the", "this" };
            random.Shuffle(words);
            return new LabelledRow
            {
                Sentence1 = string.Join(' ', words),
                Label = [.. new[] { (opinion, "opinion"), (time, "time"), (thing, "thing") }.Where(pair => pair.Item1).Select(pair => pair.Item2)],
            };
        })];
    }

    private sealed class LabelledRow
    {
        public string Sentence1 { get; set; } = "";

        public string[] Label { get; set; } = [];
    }
}
