using Microsoft.ML.Data;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>What ML.NET tests of its own text classification, on the embedded encoder.</summary>
[TestClass]
public sealed class PretrainedTextTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    public void TwoClasses_LongText_ScoringPartNeedsNoLabel()
    {
        var rows = Reviews()[..8]; // all are padded to the longest when they are scored
        rows[0].Text += string.Concat(Enumerable.Repeat(" and I loved it more and more", 150)); // far beyond 256 tokens
        var data = TinyText.View(_mlContext, rows);
        var pipeline = new EstimatorChain<ITransformer>()
            .Append(_mlContext.Transforms.Conversion.MapValueToKey("Label"), TransformerScope.TrainTest)
            .Append(_mlContext.MulticlassClassification.Trainers.TextClassification(
                Ief, outputColumnName: "outputColumn", sentence1ColumnName: "Text", maxEpochs: 6, batchSize: 4))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("outputColumn"));

        using var model = pipeline.Fit(data);
        var scoring = model.GetModelFor(TransformerScope.Scoring);
        var unlabelled = _mlContext.Transforms.DropColumns("Label").Fit(data).Transform(data);
        var predictions = scoring.Transform(unlabelled).GetColumn<string>("outputColumn").ToArray();
        var metrics = _mlContext.MulticlassClassification.Evaluate(
            model.Transform(model.First().Transform(data)), predictedLabelColumnName: "outputColumn");

        CollectionAssert.AreEqual(rows.Select(row => row.Label).ToArray(), predictions);
        Assert.AreEqual(1, metrics.MicroAccuracy);
        Assert.AreEqual(TextDataViewType.Instance, scoring.GetOutputSchema(unlabelled.Schema)["outputColumn"].Type);
    }

    [TestMethod]
    public void ThreeClasses_KeepTheEstimatorContract()
    {
        var rows = Reviews();
        rows[0].Label = rows[1].Label = "unclear";
        var data = Keyed(rows);

        EstimatorContract.Check(
            _mlContext,
            _mlContext.MulticlassClassification.Trainers.TextClassification(Ief, sentence1ColumnName: "Text", maxEpochs: 1),
            data,
            _mlContext.Data.LoadFromEnumerable([new { Label = 1f, Text = 2f }]),
            "Score", "PredictedLabel");
    }

    [TestMethod]
    public void Pairs_WithValidationSet_KeepTheEstimatorContract()
    {
        var rows = Reviews();
        foreach (var row in rows)
        {
            row.Pair = "this is what they wrote about it";
        }


        var data = Keyed(rows);
        var pairs = _mlContext.MulticlassClassification.Trainers.TextClassification(
            Optimizers.AdamW, sentence1ColumnName: "Text", sentence2ColumnName: "Pair", maxEpochs: 1, validationSet: Keyed(rows));

        EstimatorContract.Check(
            _mlContext, pairs, data, _mlContext.Transforms.DropColumns("Pair").Fit(data).Transform(data), "Score", "PredictedLabel");
    }

    private static TextRow[] Reviews() =>
        [.. SmallReviews.Rows.Select(row => new TextRow { Text = row.Text, Label = row.Label == 1 ? "positive" : "negative" })];

    private IDataView Keyed(TextRow[] rows)
    {
        var view = TinyText.View(_mlContext, rows);
        return _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);
    }
}
