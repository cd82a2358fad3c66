using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

// Loads a model that was saved for serving with nothing but ML.NET's own calls, and prints the scores of each text as exact numbers, then the
// libraries that are in the process. Arguments: the model, then the texts. The library is only in the folder; no line here names it.
var mlContext = new MLContext();
var model = mlContext.Model.Load(args[0], out _);
var data = mlContext.Data.LoadFromEnumerable(args.Skip(1).Select(text => new TextRow { Text = text, Pair = text }).ToArray());
foreach (var scores in model.Transform(data).GetColumn<float[]>("Score"))
{
    Console.WriteLine(string.Join(' ', scores.Select(score => score.ToString("R", CultureInfo.InvariantCulture))));
}

foreach (var name in AppDomain.CurrentDomain.GetAssemblies().Select(assembly => assembly.GetName().Name).Order(StringComparer.Ordinal))
{
    Console.WriteLine($"assembly {name}");
}

internal sealed class TextRow
{
    public string Label { get; set; } = "";

    public string Text { get; set; } = "";

    public string Pair { get; set; } = "";
}
