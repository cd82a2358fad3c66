using Microsoft.ML;
using Microsoft.ML.TorchSharp;
using static Microsoft.ML.NaturalGradient.Optimizers;

// Microsoft.ML.TorchSharp has a TextClassification too: the argument optimizer, which it does not have, chooses between them.
var mlContext = new MLContext(seed: 1);
var trainers = mlContext.MulticlassClassification.Trainers;
var ours = trainers.TextClassification(optimizer: Ief, sentence1ColumnName: "Text", maxEpochs: 1);
var theirs = trainers.TextClassification(sentence1ColumnName: "Text", maxEpochs: 1);
Console.WriteLine($"with optimizer: {ours.GetType()}");
Console.WriteLine($"without: {theirs.GetType()}");

// Both read the same rows in one process; training theirs needs a download, so that it is not fitted here.
var rows = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 8).Select(n => new Review { Label = n % 2 == 0 ? "good" : "bad", Text = $"text {n}" }));
var keyed = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
using var model = ours.Fit(keyed);
Console.WriteLine($"fitted: {string.Join(", ", model.GetOutputSchema(keyed.Schema).Select(column => column.Name))}");
Console.WriteLine($"TorchSharp {typeof(TorchSharp.torch).Assembly.GetName().Version}");

internal sealed class Review
{
    public string Label { get; set; } = "";

    public string Text { get; set; } = "";
}
