using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

// Loads a saved model with nothing but ML.NET's own calls and prints the scores of each text as exact numbers.
// Arguments: the model, then the texts. The library is only in the folder; no line here names it.
// With "save" first it saves two models in turn until it is killed; see SavingLoop.
if (args is ["save", var first, var second, var folder])
{
    SavingLoop.Run(first, second, folder);
}

var mlContext = new MLContext();
var model = mlContext.Model.Load(args[0], out _);
var data = mlContext.Data.LoadFromEnumerable(args.Skip(1).Select(text => new TextRow { Text = text, Pair = text }).ToArray());
foreach (var scores in model.Transform(data).GetColumn<float[]>("Score"))
{
    Console.WriteLine(string.Join(' ', scores.Select(score => score.ToString("R", CultureInfo.InvariantCulture))));
}

internal sealed class TextRow
{
    public string Label { get; set; } = "";

    public string Text { get; set; } = "";

    public string Pair { get; set; } = "";
}
