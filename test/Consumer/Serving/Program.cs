using System.Diagnostics;
using Microsoft.ML;

// A program that classifies with a model that was saved for serving: ONNX Runtime computes, and there is no libtorch. It names nothing of the packages.
var started = Stopwatch.StartNew();
var mlContext = new MLContext();
var model = mlContext.Model.Load("reviews-served.zip", out _);
using var engine = mlContext.Model.CreatePredictionEngine<Review, Prediction>(model);
foreach (var text in args)
{
    var prediction = engine.Predict(new Review { Text = text });
    Console.WriteLine($"{prediction.PredictedLabel} ({prediction.Score.Max():P1}): {text}");
}

var torch = AppDomain.CurrentDomain.GetAssemblies().Select(assembly => assembly.GetName().Name!).Where(name => name.Contains("Torch", StringComparison.OrdinalIgnoreCase));
Console.WriteLine($"libraries of torch: {string.Join(", ", torch)}.");
Console.WriteLine(FormattableString.Invariant($"{started.Elapsed.TotalSeconds:F2} s, {Process.GetCurrentProcess().WorkingSet64 >> 20} MB"));

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
