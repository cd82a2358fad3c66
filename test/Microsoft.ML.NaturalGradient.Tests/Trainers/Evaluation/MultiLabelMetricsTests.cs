using CsCheck;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Evaluation;

[TestClass]
public sealed class MultiLabelMetricsTests
{
    private static readonly string[] Names = ["art", "music", "sport"];

    // Few different scores, so that many are equal.
    private static readonly Gen<MultiRow[]> Rows = Gen.Select(
        Gen.UInt[0, 3].Array[0, 4], Gen.UInt[0, 3].Array[0, 4], Gen.Int[0, 4].Select(level => level / 4f).Array[3])
        .Select((label, predicted, score) => new MultiRow { Label = label, PredictedLabels = predicted, Score = score }).Array[1, 12];

    [TestMethod]
    public void EvaluateMultiLabel_ByHand_GivesEveryMetric()
    {
        var metrics = Evaluate(
            Row([1, 2], [1, 2], .9f, .8f, .1f),
            Row([1], [2], .4f, .7f, .2f),
            Row([], [1], .6f, .1f, .3f),
            Row([2], [2], .2f, .6f, .4f));

        // art: rows 1, 2 true; 1, 3 predicted. music: 1, 4 true; 1, 2, 4 predicted. sport: none of either.
        var (art, music, sport) = (metrics.PerClass[0], metrics.PerClass[1], metrics.PerClass[2]);
        Assert.AreEqual(("art", 0.5, 0.5, 0.5, 2), (art.Name, art.Precision, art.Recall, art.F1, art.Support));
        Assert.AreEqual(("music", 2 / 3.0, 1.0, 0.8, 2), (music.Name, music.Precision, music.Recall, music.F1, music.Support));
        Assert.AreEqual(("sport", 0, 0, 0, 0), (sport.Name, sport.Precision, sport.Recall, sport.F1, sport.Support));
        Assert.AreEqual((1 + (2 / 3.0)) / 2, art.AveragePrecision, 1e-15); // .9 yes, .6 no, .4 yes
        Assert.AreEqual((1 + (2 / 3.0)) / 2, music.AveragePrecision, 1e-15); // .8 yes, .7 no, .6 yes
        Assert.AreEqual(double.NaN, sport.AveragePrecision);
        Assert.AreEqual((3 / 5.0, 3 / 4.0, 6 / 9.0), (metrics.MicroPrecision, metrics.MicroRecall, metrics.MicroF1));
        Assert.AreEqual(1.3 / 3, metrics.MacroF1, 1e-15);
        Assert.AreEqual(5 / 6.0, metrics.MeanAveragePrecision, 1e-15);
        Assert.AreEqual((0.5, 3 / 12.0, 4), (metrics.SubsetAccuracy, metrics.HammingLoss, metrics.Count));
    }

    [TestMethod]
    public void EvaluateMultiLabel_EqualScores_CountTogether()
    {
        var metrics = Evaluate(Row([1], [], .5f, 0, 0), Row([], [], .5f, 0, 0), Row([], [], .5f, 0, 0), Row([1], [], .1f, 0, 0));

        Assert.AreEqual((0.5 * (1 / 3.0)) + (0.5 * (2 / 4.0)), metrics.PerClass[0].AveragePrecision, 1e-15);
    }

    [TestMethod]
    public void EvaluateMultiLabel_AnyRows_AreWhatTheSlowWayGives() => Rows.Check(500, rows =>
    {
        var metrics = Evaluate(rows);

        var cells = rows.SelectMany((row, place) => Names.Select((_, c) => (Row: place, Class: c, True: row.Label.Contains((uint)c + 1), Predicted: row.PredictedLabels.Contains((uint)c + 1)))).ToArray();
        Assert.AreEqual(Ratio(cells, cell => cell.True && cell.Predicted, cell => cell.Predicted), metrics.MicroPrecision, 1e-12);
        Assert.AreEqual(Ratio(cells, cell => cell.True && cell.Predicted, cell => cell.True), metrics.MicroRecall, 1e-12);
        Assert.AreEqual(Harmonic(metrics.MicroPrecision, metrics.MicroRecall), metrics.MicroF1, 1e-12);
        Assert.AreEqual(cells.Average(cell => cell.True == cell.Predicted ? 0.0 : 1.0), metrics.HammingLoss, 1e-12);
        Assert.AreEqual(cells.GroupBy(cell => cell.Row).Average(row => row.All(cell => cell.True == cell.Predicted) ? 1.0 : 0.0), metrics.SubsetAccuracy, 1e-12);
        for (var c = 0; c < Names.Length; c++)
        {
            var (one, ofClass) = (metrics.PerClass[c], cells.Where(cell => cell.Class == c).ToArray());
            Assert.AreEqual(Ratio(ofClass, cell => cell.True && cell.Predicted, cell => cell.Predicted), one.Precision, 1e-12);
            Assert.AreEqual(Ratio(ofClass, cell => cell.True && cell.Predicted, cell => cell.True), one.Recall, 1e-12);
            Assert.AreEqual(Harmonic(one.Precision, one.Recall), one.F1, 1e-12);
            Assert.AreEqual(ofClass.Count(cell => cell.True), one.Support);
            Assert.AreEqual(SlowAveragePrecision([.. rows.Select(row => row.Score[c])], [.. ofClass.Select(cell => cell.True)]), one.AveragePrecision, 1e-12);
        }

        Assert.AreEqual(metrics.PerClass.Average(one => one.F1), metrics.MacroF1, 1e-12);
        var defined = metrics.PerClass.Where(one => one.Support > 0).Select(one => one.AveragePrecision).ToArray();
        Assert.AreEqual(defined.Length == 0 ? double.NaN : defined.Average(), metrics.MeanAveragePrecision, 1e-12);
    });

    [TestMethod]
    public void EvaluateMultiLabel_RowsInAnotherOrder_GiveTheSame() => Gen.Select(Rows, Gen.Int).Check(200, draw =>
    {
        var shuffled = (MultiRow[])draw.Item1.Clone();
        new Random(draw.Item2).Shuffle(shuffled);

        Assert.AreEqual(Evaluate(draw.Item1).ToString(), Evaluate(shuffled).ToString());
    });

    [TestMethod]
    public void EvaluateMultiLabel_ScoresOfGrowingFunction_HaveTheSameAveragePrecision() => Rows.Check(200, rows =>
    {
        var other = rows.Select(row => Row(row.Label, row.PredictedLabels, [.. row.Score.Select(score => (3 * score) - 7)])).ToArray();

        Assert.AreEqual(Evaluate(rows).MeanAveragePrecision, Evaluate(other).MeanAveragePrecision);
    });

    [TestMethod]
    public void EvaluateMultiLabel_DuplicatesAndMissingKeys_ChangeNothing()
    {
        var plain = Evaluate(Row([1, 3], [1], .5f, .2f, .1f), Row([2], [], .4f, .3f, .2f));
        var odd = Evaluate(Row([3, 0, 1, 3, 4], [0, 1, 1, 9], .5f, .2f, .1f), Row([2, 2], [0], .4f, .3f, .2f));

        Assert.AreEqual(plain.ToString(), odd.ToString());
        Assert.AreEqual(0.5, odd.MicroF1);
    }

    [TestMethod]
    public void EvaluateMultiLabel_NoLabelAnywhere_HasNoMeanAveragePrecision()
    {
        var metrics = Evaluate(Row([], [], 0, 0, 0));

        Assert.AreEqual((0, 0, 0, double.NaN, 1, 0), (metrics.MicroF1, metrics.MicroRecall, metrics.MacroF1, metrics.MeanAveragePrecision, metrics.SubsetAccuracy, metrics.HammingLoss));
    }

    [TestMethod]
    public void EvaluateMultiLabel_ScoreThatIsNoNumber_ComesLast()
    {
        var metrics = Evaluate(Row([1], [], float.NaN, 0, 0), Row([], [], -5, 0, 0));

        Assert.AreEqual(0.5, metrics.PerClass[0].AveragePrecision);
    }

    [TestMethod]
    public void EvaluateMultiLabel_PredictionsInAnotherOrder_AreComparedByName()
    {
        // art is key 1 of the label and key 3 of the predictions, and slot 2 of the scores
        var rows = new[] { Row([1], [3], .1f, .9f, .2f), Row([2], [2], .8f, .1f, .3f) };

        var metrics = Evaluate(Data(rows, Names, ["sport", "music", "art"], "music", "art", "sport"));

        Assert.AreEqual((1, 1, 1), (metrics.MicroF1, metrics.SubsetAccuracy, metrics.MeanAveragePrecision));
        CollectionAssert.AreEqual(Names, metrics.PerClass.Select(one => one.Name).ToArray());
    }

    [TestMethod]
    public void EvaluateMultiLabel_SlotsNamedOtherwise_AreInTheOrderOfTheKeys()
    {
        var rows = new[] { Row([1], [1], .9f, .1f, .2f), Row([2], [2], .1f, .8f, .3f) };

        Assert.AreEqual(1.0, Evaluate(Data(rows, Names, Names, "music", "art", "other")).MeanAveragePrecision);
    }

    [TestMethod]
    public void EvaluateMultiLabel_KeysWithoutValues_AreNumbered()
    {
        var data = Data([Row([1], [1], 1, 0, 0)], [], []);

        CollectionAssert.AreEqual(new[] { "1", "2", "3" }, Evaluate(data).PerClass.Select(one => one.Name).ToArray());
    }

    [TestMethod]
    public void EvaluateMultiLabel_KeysOfNumbers_AreCalledLikeThem()
    {
        var context = EvaluationData.Context;
        var data = context.Data.LoadFromEnumerable(new[] { new ScoredNumbers { Label = [0.5f, 1.25f], Score = [1, 0] }, new ScoredNumbers { Label = [1.25f], Score = [0, 1] } });
        var keys = context.Transforms.Conversion.MapValueToKey("Label").Append(context.Transforms.CopyColumns("PredictedLabels", "Label")).Fit(data).Transform(data);

        var metrics = context.MulticlassClassification.EvaluateMultiLabel(keys);

        CollectionAssert.AreEqual(new[] { "0.5", "1.25" }, metrics.PerClass.Select(one => one.Name).ToArray());
        Assert.AreEqual(1.0, metrics.SubsetAccuracy);
    }

    [TestMethod]
    public void EvaluateMultiLabel_PredictionsOfOtherClasses_AreRefused()
    {
        var rows = new[] { Row([1], [1], 1, 0, 0) };

        var other = Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(Data(rows, Names, ["art", "dance"])));
        var more = Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(Data(rows, Names, [.. Names, "dance"])));
        var unnamed = Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(Data(rows, Names, [])));

        StringAssert.StartsWith(other.Message, "The column 'PredictedLabels' has the class 'dance', which the column 'Label' does not have.");
        StringAssert.StartsWith(more.Message, "The column 'PredictedLabels' has the class 'dance'");
        StringAssert.StartsWith(unnamed.Message, "The keys of the column 'Label' have values and those of 'PredictedLabels' have none");
    }

    [TestMethod]
    public void EvaluateMultiLabel_WrongColumnsOrNoRows_SaysSo()
    {
        var (catalog, rows) = (EvaluationData.Context.MulticlassClassification, new[] { Row([1], [1], 1, 0, 0) });
        var data = Data(rows, Names, Names);

        foreach (var name in new[] { "Label", "Score", "PredictedLabels" })
        {
            var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateMultiLabel(
                data, name == "Label" ? "Other" : "Label", name == "Score" ? "Other" : "Score", name == "PredictedLabels" ? "Other" : "PredictedLabels"));
            StringAssert.Contains(error.Message, "'Other'");
        }

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateMultiLabel(data, "Score")).Message, "expected Vector<Key<UInt32>>");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Evaluate(Data(rows, ["art", "music"], ["art", "music"]))).Message,
            "expected Vector<Single, 2>, a number for each of the 2 keys of 'Label', got Vector<Single, 3>");
        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(Array.Empty<MultiRow>())).Message, "The data has no rows");
    }

    [TestMethod]
    public void ToString_OfMetrics_IsATable()
    {
        var lines = Evaluate(Row([1], [1], 1, 0, 0)).ToString().Split(Environment.NewLine);

        CollectionAssert.AreEqual(
            new[]
            {
                "class  precision  recall     F1  average precision  rows",
                "art        1.000   1.000  1.000              1.000     1",
                "music      0.000   0.000  0.000                NaN     0",
                "sport      0.000   0.000  0.000                NaN     0",
                "(all)      1.000   1.000  1.000              1.000     1",
                "macro F1 0.333, subset accuracy 1.000, Hamming loss 0.000",
            },
            lines);
    }

    private static double Ratio<T>(T[] cells, Func<T, bool> part, Func<T, bool> whole) => cells.Any(whole) ? cells.Count(part) / (double)cells.Count(whole) : 0;

    private static double Harmonic(double one, double other) => one + other == 0 ? 0 : 2 * one * other / (one + other);

    // The definition: precision and recall at every threshold, one after the other.
    private static double SlowAveragePrecision(float[] scores, bool[] labels)
    {
        var (sum, before) = (0.0, 0.0);
        if (!labels.Contains(true))
        {
            return double.NaN;
        }

        foreach (var threshold in scores.Distinct().OrderDescending())
        {
            var taken = Enumerable.Range(0, scores.Length).Where(row => scores[row] >= threshold).ToArray();
            var right = taken.Count(row => labels[row]);
            var recall = right / (double)labels.Count(label => label);
            sum += (recall - before) * (right / (double)taken.Length);
            before = recall;
        }

        return sum;
    }

    private static MultiRow Row(uint[] label, uint[] predicted, params float[] score) => new() { Label = label, PredictedLabels = predicted, Score = score };

    private static MultiLabelMetrics Evaluate(params MultiRow[] rows) => Evaluate(Data(rows, Names, Names));

    private static MultiLabelMetrics Evaluate(IDataView data) => EvaluationData.Context.MulticlassClassification.EvaluateMultiLabel(data);

    private static IDataView Data(MultiRow[] rows, string[] names, string[] predictedNames, params string[] slots) => EvaluationData.Rows(rows, schema =>
    {
        schema.HasKeys("Label", names.Length == 0 ? 3 : names.Length, names);
        schema.HasKeys("PredictedLabels", predictedNames.Length == 0 ? 3 : predictedNames.Length, predictedNames);
        schema.HasScores("Score", 3, slots);
    });

    private sealed class MultiRow
    {
        public uint[] Label { get; set; } = [];

        public uint[] PredictedLabels { get; set; } = [];

        public float[] Score { get; set; } = [];
    }

    private sealed class ScoredNumbers
    {
        public float[] Label { get; set; } = [];

        [VectorType(2)]
        public float[] Score { get; set; } = [];
    }
}
