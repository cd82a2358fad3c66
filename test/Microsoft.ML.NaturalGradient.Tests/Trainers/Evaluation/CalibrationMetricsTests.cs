using CsCheck;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Evaluation;

[TestClass]
public sealed class CalibrationMetricsTests
{
    private static readonly Gen<ClassRow[]> Rows = Gen.Select(Gen.UInt[1, 3], Gen.Float[0.001f, 1].Array[3])
        .Select((label, weights) => Row(label, [.. weights.Select(weight => weight / weights.Sum())])).Array[1, 40];

    [TestMethod]
    public void EvaluateCalibration_ByHand_GivesEveryMetric()
    {
        var metrics = Evaluate(
            4,
            Row(1, .9f, .1f, 0), // bin 4, right
            Row(2, .8f, .1f, .1f), // bin 4, wrong
            Row(3, .2f, .2f, .6f), // bin 3, right
            Row(1, .3f, .4f, .3f)); // bin 2, wrong

        CollectionAssert.AreEqual(new[] { 0L, 1, 1, 2 }, metrics.Bins.Select(bin => bin.Count).ToArray());
        Assert.AreEqual((0.75, 1.0, 0.5), (metrics.Bins[3].LowerBound, metrics.Bins[3].UpperBound, metrics.Bins[3].Accuracy));
        Assert.AreEqual(0.85, metrics.Bins[3].MeanConfidence, 1e-7); // probabilities are of single precision
        Assert.AreEqual((double.NaN, double.NaN), (metrics.Bins[0].MeanConfidence, metrics.Bins[0].Accuracy));
        Assert.AreEqual(((2 * .35) + .4 + .4) / 4, metrics.ExpectedCalibrationError, 1e-7);
        Assert.AreEqual(.4, metrics.MaximumCalibrationError, 1e-7);
        Assert.AreEqual((.02 + (.64 + .81 + .01) + .24 + (.49 + .16 + .09)) / 4, metrics.BrierScore, 1e-7);
        Assert.AreEqual((4, 0), (metrics.Count, metrics.SkippedCount));
    }

    [TestMethod]
    [DataRow(0.2f, 0)]
    [DataRow(0.4f, 1)]
    [DataRow(0.6f, 2)]
    [DataRow(0.8f, 3)]
    [DataRow(1f, 4)]
    [DataRow(0.20001f, 1)]
    [DataRow(0f, 0, DisplayName = "nothing is below the first bin")]
    [DataRow(1.0001f, 4, DisplayName = "rounded up")]
    public void EvaluateCalibration_ConfidenceOnTheEdge_BelongsBelowIt(float confidence, int bin)
    {
        var metrics = Evaluate(5, Row(1, confidence, 0, 0));

        Assert.AreEqual(bin, metrics.Bins.Single(one => one.Count > 0).UpperBound * 5 - 1, 1e-12);
    }

    [TestMethod]
    public void EvaluateCalibration_AnyRows_AreWhatTheSlowWayGives() => Gen.Select(Rows, Gen.Int[1, 20]).Check(500, draw =>
    {
        var (rows, count) = draw;
        var metrics = Evaluate(count, rows);

        var (expected, maximum) = (0.0, 0.0);
        for (var m = 0; m < count; m++)
        {
            var inside = rows.Where(row => row.Score.Max() > (float)(m / (double)count) && row.Score.Max() <= (float)((m + 1) / (double)count)).ToArray();
            Assert.AreEqual(inside.Length, metrics.Bins[m].Count);
            if (inside.Length > 0)
            {
                var accuracy = inside.Average(row => Array.IndexOf(row.Score, row.Score.Max()) == row.Label ? 1.0 : 0.0);
                var confidence = inside.Average(row => (double)row.Score.Max());
                Assert.AreEqual(accuracy, metrics.Bins[m].Accuracy, 1e-12);
                Assert.AreEqual(confidence, metrics.Bins[m].MeanConfidence, 1e-12);
                expected += inside.Length / (double)rows.Length * Math.Abs(accuracy - confidence);
                maximum = Math.Max(maximum, Math.Abs(accuracy - confidence));
            }
        }

        Assert.AreEqual(expected, metrics.ExpectedCalibrationError, 1e-12);
        Assert.AreEqual(maximum, metrics.MaximumCalibrationError, 1e-12);
        Assert.AreEqual(rows.Average(row => row.Score.Select((p, i) => Math.Pow((double)p - (row.Label == i ? 1 : 0), 2)).Sum()), metrics.BrierScore, 1e-12);
        Assert.IsTrue(metrics.ExpectedCalibrationError <= metrics.MaximumCalibrationError + 1e-12 && metrics.BrierScore is >= 0 and <= 2);
    });

    [TestMethod]
    public void EvaluateCalibration_LabelsDrawnFromTheProbabilities_AreCalibrated()
    {
        var random = new Random(1);
        var rows = Enumerable.Range(0, 20_000).Select(_ =>
        {
            var first = random.NextSingle();
            return Row(random.NextSingle() < first ? 1u : 2u, first, 1 - first, 0);
        }).ToArray();
        var boasting = rows.Select(row => Row(row.Label + 1, [.. row.Score.Select(p => p == row.Score.Max() ? 1f : 0f)])).ToArray();

        Fixture.AssertLess(0.02, Evaluate(15, rows).ExpectedCalibrationError); // about .5 / √(20000 / 8) for a bin
        Assert.IsGreaterThan(0.2, Evaluate(15, boasting).ExpectedCalibrationError); // 3 of 4 are right
    }

    [TestMethod]
    public void EvaluateCalibration_OfATrainedModel_AgreesWithItsAccuracy()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 32);
        using var model = TinyText.Trainer(mlContext).Fit(data);
        var scored = model.Transform(data);

        var metrics = mlContext.MulticlassClassification.EvaluateCalibration(scored, binCount: 1);

        var accuracy = mlContext.MulticlassClassification.Evaluate(scored).MicroAccuracy;
        var expected = Math.Abs(accuracy - TinyText.Scores(model, data).Average(row => (double)row.Max()));
        Assert.AreEqual((32, 0), (metrics.Count, metrics.SkippedCount));
        Assert.AreEqual(accuracy, metrics.Bins[0].Accuracy, 1e-12);
        Assert.AreEqual(expected, metrics.ExpectedCalibrationError, 1e-12);
    }

    [TestMethod]
    public void EvaluateCalibration_CertainAndRight_IsPerfect()
    {
        var metrics = Evaluate(15, Row(1, 1, 0, 0), Row(3, 0, 0, 1));

        Assert.AreEqual((0, 0, 0), (metrics.ExpectedCalibrationError, metrics.MaximumCalibrationError, metrics.BrierScore));
    }

    [TestMethod]
    public void EvaluateCalibration_RowsThatCannotBeMeasured_AreLeftOutAndCounted()
    {
        var rows = new[] { Row(1, .7f, .2f, .1f), Row(0, 1, 0, 0), Row(1, float.NaN, 0, 0), Row(2, 1, 0, float.NaN) };

        var (metrics, alone) = (Evaluate(15, rows), Evaluate(15, rows[0]));

        Assert.AreEqual((1, 3), (metrics.Count, metrics.SkippedCount));
        Assert.AreEqual((alone.ExpectedCalibrationError, alone.BrierScore), (metrics.ExpectedCalibrationError, metrics.BrierScore));
        Assert.AreEqual(0.3, metrics.ExpectedCalibrationError, 1e-7);
    }

    [TestMethod]
    public void EvaluateCalibration_SlotsNamedLikeTheKeysInAnotherOrder_AreFound()
    {
        var metrics = EvaluationData.Context.MulticlassClassification.EvaluateCalibration(Data([Row(1, 0, 0, 1)], ["c", "b", "a"]));

        Assert.AreEqual((0, 0), (metrics.ExpectedCalibrationError, metrics.BrierScore));
    }

    [TestMethod]
    public void EvaluateCalibration_SlotsOfOtherClasses_AreRefused()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => EvaluationData.Context.MulticlassClassification.EvaluateCalibration(Data([Row(1, 0, 0, 1)], ["b", "c", "d"])));

        StringAssert.StartsWith(error.Message, "The column 'Score' has the class 'd', which the column 'Label' does not have.");
    }

    [TestMethod]
    [DataRow(new[] { 2.5f, -1, 0 }, "2.5")]
    [DataRow(new[] { 0.5f, -0.5f, 0 }, "-0.5")]
    [DataRow(new[] { 0, 0, float.PositiveInfinity }, "Infinity")]
    public void EvaluateCalibration_ScoresThatAreNoProbabilities_AreRefused(float[] scores, string number)
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(15, Row(1, 1, 0, 0), Row(1, scores)));

        StringAssert.StartsWith(error.Message, $"Row 2 has {number} in 'Score', which is no probability.");
    }

    [TestMethod]
    public void EvaluateCalibration_WrongColumnsOrNothingToMeasure_SaysSo()
    {
        var catalog = EvaluationData.Context.MulticlassClassification;
        var data = Data([Row(1, 1, 0, 0)]);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateCalibration(data, "Other")).Message, "'Other': the data has 'Label', 'Score'.");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateCalibration(data, scoreColumnName: "Other")).Message, "'Other'");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateCalibration(data, "Score")).Message, "expected Key<UInt32>, which");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateCalibration(data, scoreColumnName: "Label")).Message, "expected Vector<Single, 3>");
        Assert.AreEqual("binCount", Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateCalibration(data, binCount: 0)).ParamName);
        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(15)).Message, "The data has no rows");
        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(15, Row(0, 1, 0, 0))).Message, "None of the 1 rows has both a class in 'Label' and numbers in 'Score'.");
    }

    [TestMethod]
    public void ToString_OfMetrics_IsATable()
    {
        var lines = Evaluate(2, Row(1, .75f, .25f, 0), Row(0, 1, 0, 0)).ToString().Split(Environment.NewLine);

        CollectionAssert.AreEqual(
            new[]
            {
                "confidence up to  rows  mean confidence  accuracy",
                "1.000                1            0.750     1.000",
                "expected calibration error 0.250, maximum 0.250, Brier score 0.125, 1 rows, 1 left out",
            },
            lines);
    }

    private static ClassRow Row(uint label, params float[] score) => new() { Label = unchecked(label - 1), Score = score };

    private static CalibrationMetrics Evaluate(int binCount, params ClassRow[] rows) =>
        EvaluationData.Context.MulticlassClassification.EvaluateCalibration(Data(rows), binCount: binCount);

    private static IDataView Data(ClassRow[] rows, params string[] slots) => EvaluationData.Rows(rows, schema =>
    {
        schema.HasKey("Label", 3, "a", "b", "c");
        schema.HasScores("Score", 3, slots);
    });

    private sealed class ClassRow
    {
        /// <summary>The key less one, which is how ML.NET reads keys from a number (but not from vectors of numbers); the largest number is a missing key.</summary>
        public uint Label { get; set; }

        public float[] Score { get; set; } = [];
    }
}
