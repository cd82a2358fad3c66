using Microsoft.ML;

// A program that classifies with a saved model. It names nothing of the package that trained it.
var mlContext = new MLContext();
var model = mlContext.Model.Load("reviews.zip", out _);
using var engine = mlContext.Model.CreatePredictionEngine<Review, Prediction>(model);
foreach (var text in args)
{
    var prediction = engine.Predict(new Review { Text = text });
    Console.WriteLine($"{prediction.PredictedLabel} ({prediction.Score.Max():P1}): {text}");
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
