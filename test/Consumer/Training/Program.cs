using Microsoft.ML;
using Microsoft.ML.Data;
using static Microsoft.ML.NaturalGradient.Optimizers;

var mlContext = new MLContext(seed: 1);
var data = mlContext.Data.LoadFromTextFile("reviews.tsv", // samples/TextClassification/Data/reviews.tsv
    [new("Label", DataKind.String, 0), new("Text", DataKind.String, 2)], hasHeader: true);
var split = mlContext.Data.TrainTestSplit(data, testFraction: 0.2);

var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
    .Append(mlContext.MulticlassClassification.Trainers.TextClassification(
        optimizer: Ief, sentence1ColumnName: "Text", maxEpochs: 2))
    .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"));

var model = pipeline.Fit(split.TrainSet);
var metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(split.TestSet));
Console.WriteLine($"accuracy {metrics.MicroAccuracy:F3}, log-loss {metrics.LogLoss:F3}");
mlContext.Model.SaveAtomically(model, data.Schema, "reviews.zip");
