using Microsoft.ML;
using Microsoft.ML.NaturalGradient;

/// <summary>Saves two models in turn under the same names, in every way that replaces what is there, until the process is killed.</summary>
internal static class SavingLoop
{
    /// <summary>Writes <c>model.zip</c>, <c>whole</c> and <c>adapter</c> in a folder, and a line each time all three are written.</summary>
    public static void Run(string first, string second, string folder)
    {
        var mlContext = new MLContext();
        var models = new[] { first, second }.Select(path => (TextClassificationTransformer)mlContext.Model.Load(path, out _)).ToArray();
        for (var i = 0; ; i++)
        {
            var model = models[i % models.Length];
            mlContext.Model.SaveAtomically(model, null, Path.Combine(folder, "model.zip"));
            model.Model.SavePretrained(Path.Combine(folder, "whole"));
            model.Model.SavePeft(Path.Combine(folder, "adapter"));
            Console.WriteLine($"saved {i}");
        }
    }
}
