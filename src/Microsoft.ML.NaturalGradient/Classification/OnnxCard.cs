using System.Text;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Onnx;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The README.md of an exported folder: what the graph reads and gives, and the lines of Python and C# that give the model's answers.</summary>
internal static class OnnxCard
{
    /// <summary>Stands for lines of Python where there can be none.</summary>
    public const string NoTokenizer = "Python has no such tokenizer: it is that of ML.NET's own models.";

    /// <summary>Writes it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="details">How rows were read.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="precision">Its numbers.</param>
    /// <param name="tokenizer">Content of tokenizer.json; null where there is none.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] Write(TrainedNetwork model, ExportDetails details, OnnxGraph graph, OnnxPrecision precision, byte[]? tokenizer)
    {
        var kind = PythonKind.Of(model);
        var python = details.Pictures is null && tokenizer is null
            ? NoTokenizer
            : $"In Python, with onnxruntime and {(details.Pictures is null ? "tokenizers" : "transformers, which prepares pictures")}:\n\n```python\n{string.Join('\n', OnnxPython.Lines(model, details, graph, tokenizer))}\n```";
        var text = $"""
            ---
            library_name: onnx
            pipeline_tag: {kind.Task}
            tags:
            - microsoft-ml-naturalgradient
            ---
            # {kind.Title}
            Trained with Microsoft.ML.NaturalGradient: {model.Adapter.Description}. `model.onnx` is the whole network, with what was trained in it; {Numbers(precision)}.

            | | name | type | shape |
            |---|---|---|---|
            {string.Join('\n', graph.Inputs.Select(value => Row("input", value)).Concat(graph.Outputs.Select(value => Row("output", value))))}

            - Classes, in order: `class_names` in the graph's metadata, a JSON array, and `id2label` in config.json.
            {Facts(details)}

            {python}

            In C#, with the package NaturalGradient.MLNet.Onnx, which needs no libtorch:

            ```csharp
            {string.Join('\n', Sharp(model, details))}
            ```

            """;
        return Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n"));
    }

    private static string Numbers(OnnxPrecision precision) => precision switch
    {
        OnnxPrecision.Float16 => "its weights and computation are 16-bit floating point",
        OnnxPrecision.Int8 => "its weights are 8-bit whole numbers, and so is what linear layers read",
        _ => "its numbers are 32-bit floating point",
    };

    /// <summary>How rows have to be prepared.</summary>
    public static string Facts(ExportDetails details) => details.MaxTokens is { } most
        ? FormattableString.Invariant($"- Longest sequence: {most} tokens; longer texts lose their end. Shorter rows of a batch are filled with id {details.PadId} and mask 0.")
        : FormattableString.Invariant($"- Pictures have {details.Pictures!.Height} × {details.Pictures.Width} pixels and are normalised as preprocessor_config.json says.");

    private static string Row(string kind, OnnxValue value) =>
        $"| {kind} | `{value.Name}` | {(value.Type == OnnxElementType.Int64 ? "int64" : "float32")} | {OnnxShape.Text(value.Shape)} |";

    private static IEnumerable<string> Sharp(TrainedNetwork model, ExportDetails details)
    {
        var (row, column, type, name) = (details.Pictures, model.Network.HeadKind, model.Target.LabelFormat.IsVector, model.Target.OutputCount) switch
        {
            ({ }, _, _, _) => ("Features = \"picture.jpg\"", "Score", "float[]", "probabilities"),
            (_, HeadKind.Tokens, _, _) => ("Sentence = \"the words of a text\"", "Score", "float[]", "probabilities"),
            (_, HeadKind.Spans, _, _) => ("Question = \"a question\", Context = \"a text\"", "Answer", "string[]", "answers"),
            (_, _, false, 1) when !model.Target.IsClass => ("Sentence1 = \"a text\"", "Score", "float", "number"),
            _ => ("Sentence1 = \"a text\"", "Score", "float[]", "probabilities"),
        };
        yield return "using Microsoft.ML;";
        yield return "using Microsoft.ML.Data;";
        yield return "";
        yield return "var folder = \".\"; // where this file is";
        yield return "var mlContext = new MLContext();";
        row = details.ReadsPairs ? $"{row}, Sentence2 = \"its second text\"" : row;
        yield return $"var rows = mlContext.Data.LoadFromEnumerable(new[] {{ new {{ {row} }} }});";
        yield return "var model = mlContext.Transforms.ApplyNaturalGradientOnnx(folder).Fit(rows);";
        yield return $"var {name} = model.Transform(rows).GetColumn<{type}>(\"{column}\").First();";
    }
}
