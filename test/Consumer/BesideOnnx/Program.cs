using Microsoft.ML;
using Microsoft.ML.Data;

// libtorch and ONNX Runtime in one process: scores with reviews.zip, then with an ONNX model, then with reviews.zip again.
var mlContext = new MLContext(seed: 1);
var model = mlContext.Model.Load("reviews.zip", out _);
using var engine = mlContext.Model.CreatePredictionEngine<Review, Prediction>(model);
Console.WriteLine(Score());

// A graph with one node, y = -x of two numbers.
File.WriteAllBytes("negate.onnx", Convert.FromBase64String("CAg6OgoLCgF4EgF5IgNOZWcSAWdaEwoBeBIOCgwIARIICgIIAQoCCAJiEwoBeRIOCgwIARIICgIIAQoCCAJCAhAN"));
var rows = mlContext.Data.LoadFromEnumerable([new Point { X = [1, -2] }]);
var negated = mlContext.Transforms.ApplyOnnxModel("y", "x", "negate.onnx").Fit(rows).Transform(rows);
Console.WriteLine(string.Join(' ', negated.GetColumn<float[]>("y").Single()));
Console.WriteLine(Score());

string Score()
{
    var prediction = engine.Predict(new Review { Text = "I love it." });
    return $"{prediction.PredictedLabel} ({prediction.Score.Max():P1})";
}

internal sealed class Point
{
    [ColumnName("x"), VectorType(1, 2)]
    public float[] X { get; set; } = [];
}

internal sealed class Review
{
    public string Label { get; set; } = "";

    public string Text { get; set; } = "";
}

internal sealed class Prediction
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}
