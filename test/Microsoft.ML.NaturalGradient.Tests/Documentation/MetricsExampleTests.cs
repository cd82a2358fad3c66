using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>The code of docs/metrics.md.</summary>
[TestClass]
public sealed class MetricsExampleTests
{
    [TestMethod]
    public void EvaluateNamedEntities_TagsAsTexts_AreMeasured()
    {
        var mlContext = new MLContext(seed: 1);
        var tagged = Keyed(mlContext, [new Tagged { Label = ["B-PER", "O", "B-LOC"], PredictedLabel = ["B-PER", "O", "O"] }], "Label", "PredictedLabel");

        #region metrics-entities
        var entities = mlContext.MulticlassClassification.EvaluateNamedEntities(tagged);
        Console.WriteLine($"F1 {entities.F1:F3}, places found {entities.PerType["LOC"].Recall:F3}");
        Console.WriteLine(entities); // a line for each type
        #endregion

        Assert.AreEqual((2, 1, 0), (entities.EntityCount, entities.CorrectCount, entities.PerType["LOC"].Recall));
    }

    [TestMethod]
    public void EvaluateQuestionAnswers_Texts_AreMeasured()
    {
        var mlContext = new MLContext(seed: 1);
        var answered = mlContext.Data.LoadFromEnumerable([new Answered { TrainingAnswer = "the Seine", Answer = ["Seine", "Paris"] }]);

        #region metrics-answers
        var answers = mlContext.MulticlassClassification.EvaluateQuestionAnswers(answered);
        Console.WriteLine($"exact match {answers.ExactMatch:F3}, F1 {answers.F1:F3} of {answers.Count} questions");
        #endregion

        Assert.AreEqual((1, 1, 1), (answers.ExactMatch, answers.F1, answers.Count));
    }

    [TestMethod]
    public void EvaluateMultiLabel_LabelsAsTexts_AreMeasured()
    {
        var mlContext = new MLContext(seed: 1);
        var labelled = Keyed(
            mlContext,
            [new Labelled { Label = ["art", "music"], PredictedLabels = ["art"], Score = [.9f, .4f] }, new Labelled { Label = ["music"], PredictedLabels = ["music"], Score = [.2f, .8f] }],
            "Label", "PredictedLabels");

        #region metrics-labels
        var labels = mlContext.MulticlassClassification.EvaluateMultiLabel(labelled);
        Console.WriteLine($"F1 {labels.MicroF1:F3}, mean average precision {labels.MeanAveragePrecision:F3}");
        foreach (var one in labels.PerClass.Where(one => one.Support > 0))
        {
            Console.WriteLine($"{one.Name}: F1 {one.F1:F3}");
        }
        #endregion

        Assert.AreEqual((0.8, 1.0), (labels.MicroF1, labels.MeanAveragePrecision));
    }

    [TestMethod]
    public void EvaluateCalibration_Probabilities_AreMeasured()
    {
        var mlContext = new MLContext(seed: 1);
        var scored = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(Scored(mlContext)).Transform(Scored(mlContext));

        #region metrics-calibration
        var calibration = mlContext.MulticlassClassification.EvaluateCalibration(scored);
        Console.WriteLine($"expected calibration error {calibration.ExpectedCalibrationError:F3}");
        foreach (var bin in calibration.Bins.Where(bin => bin.Count > 0))
        {
            Console.WriteLine($"up to {bin.UpperBound:F2}: {bin.Count} rows, confidence {bin.MeanConfidence:F3}, accuracy {bin.Accuracy:F3}");
        }
        #endregion

        Assert.AreEqual((15, 2), (calibration.Bins.Count, calibration.Count));
        Assert.AreEqual(0.25, calibration.ExpectedCalibrationError, 1e-7);
    }

    private static IDataView Scored(MLContext mlContext) =>
        mlContext.Data.LoadFromEnumerable([new Classified { Label = "no", Score = [.75f, .25f] }, new Classified { Label = "yes", Score = [.25f, .75f] }]);

    private static IDataView Keyed<T>(MLContext mlContext, T[] rows, params string[] columns)
        where T : class
    {
        var data = mlContext.Data.LoadFromEnumerable(rows);
        return mlContext.Transforms.Conversion.MapValueToKey([.. columns.Select(column => new InputOutputColumnPair(column))]).Fit(data).Transform(data);
    }

    private sealed class Tagged
    {
        public string[] Label { get; set; } = [];

        public string[] PredictedLabel { get; set; } = [];
    }

    private sealed class Answered
    {
        public string TrainingAnswer { get; set; } = "";

        public string[] Answer { get; set; } = [];
    }

    private sealed class Labelled
    {
        public string[] Label { get; set; } = [];

        public string[] PredictedLabels { get; set; } = [];

        [VectorType(2)]
        public float[] Score { get; set; } = [];
    }

    private sealed class Classified
    {
        public string Label { get; set; } = "";

        [VectorType(2)]
        public float[] Score { get; set; } = [];
    }
}
