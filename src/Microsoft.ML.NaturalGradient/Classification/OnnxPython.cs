using System.Text;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Onnx;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The lines of Python that give the answers of an exported model, for <see cref="OnnxCard"/>.</summary>
internal static class OnnxPython
{
    private const string Open = "tokenizer = Tokenizer.from_file(f\"{folder}/tokenizer.json\")";
    private const string Rows = "[row.{0} for row in encoded]";

    private static readonly string[] Session = ["folder = \".\"  # where this file is", "session = onnxruntime.InferenceSession(f\"{folder}/model.onnx\")"];

    /// <summary>Writes them.</summary>
    /// <param name="model">The model.</param>
    /// <param name="details">How rows were read.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="tokenizer">Content of tokenizer.json; null for pictures.</param>
    public static IEnumerable<string> Lines(TrainedNetwork model, ExportDetails details, OnnxGraph graph, byte[]? tokenizer)
    {
        const string names = "names = json.loads(session.get_modelmeta().custom_metadata_map[\"class_names\"])";
        if (tokenizer is null)
        {
            return
            [
                "import json", "import onnxruntime", PythonKind.PictureImport, "from transformers import AutoImageProcessor", "", .. Session, names,
                "processor = AutoImageProcessor.from_pretrained(folder)",
                $"pixels = processor(images=[{PythonKind.Picture}], return_tensors=\"np\").pixel_values",
                "probabilities = session.run([\"probabilities\"], {\"pixel_values\": pixels})[0]",
                "classes = [names[row.argmax()] for row in probabilities]",
            ];
        }

        string[] start =
        [
            "import json", "import numpy as np", "import onnxruntime", "from tokenizers import Tokenizer", "", .. Session, names,
            Open,
        ];
        return model.Network.HeadKind switch
        {
            HeadKind.Tokens => [.. start, .. Tags(details, graph, tokenizer)],
            HeadKind.Spans => [.. start, .. Answers(details, graph)],
            _ => [.. start, .. Texts(model, details, graph)],
        };
    }

    /// <summary>Writes those that give vectors for texts.</summary>
    /// <param name="details">How texts are read.</param>
    /// <param name="graph">The graph.</param>
    public static IEnumerable<string> Vectors(ExportDetails details, OnnxGraph graph) =>
    [
        "import numpy as np", "import onnxruntime", "from tokenizers import Tokenizer", "", .. Session, Open, Truncation(details, ""), Padding(details),
        "encoded = tokenizer.encode_batch([\"a text\", \"another one\"])", Inputs(graph, Rows), "vectors = session.run(None, inputs)[0]",
    ];

    private static IEnumerable<string> Texts(TrainedNetwork model, ExportDetails details, OnnxGraph graph)
    {
        yield return Truncation(details, "");
        yield return Padding(details);
        if (details.TextToText.Prompt is { } prompt)
        {
            yield return $"texts = [{ModelCard.Text(prompt.Text)}.replace(\"{{sentence1}}\", \"a text\"){(details.ReadsPairs ? ".replace(\"{sentence2}\", \"its second text\")" : "")}]";
        }
        else
        {
            yield return details.ReadsPairs ? "texts = [(\"a text\", \"its second text\")]" : "texts = [\"a text\"]";
        }

        yield return "encoded = tokenizer.encode_batch(texts)";
        yield return Inputs(graph, Rows);
        yield return $"{model.Target.PythonPredictions.Name} = session.run([\"{graph.Outputs[^1].Name}\"], inputs)[0]";
        if (model.Target.IsClass)
        {
            yield return "classes = [names[row.argmax()] for row in probabilities]";
        }
    }

    private static IEnumerable<string> Tags(ExportDetails details, OnnxGraph graph, byte[] tokenizer)
    {
        yield return Truncation(details, "");
        if (Encoding.UTF8.GetString(tokenizer).Contains("\"ByteLevel\"", StringComparison.Ordinal))
        {
            yield return "tokenizer.pre_tokenizer.add_prefix_space = True";
        }

        yield return "words = \"the words of a text\".split()";
        yield return "encoded = tokenizer.encode(words, is_pretokenized=True)";
        yield return Inputs(graph, "[encoded.{0}]");
        yield return "probabilities = session.run([\"probabilities\"], inputs)[0][0]";
        yield return "first = [encoded.word_ids.index(word) for word in range(len(words))]  # token of each word";
        yield return "tags = [names[probabilities[token].argmax()] for token in first]";
    }

    private static IEnumerable<string> Answers(ExportDetails details, OnnxGraph graph)
    {
        yield return Truncation(details, ", strategy=\"only_second\"");
        yield return "text = \"a text\"";
        yield return "encoded = tokenizer.encode(\"a question\", text)";
        yield return Inputs(graph, "[encoded.{0}]");
        yield return "begin, end = session.run([\"logits\"], inputs)[0][0].T";
        yield return "inside = np.array([part == 1 for part in encoded.sequence_ids])  # tokens of the text";
        yield return "scores = np.where(np.triu(np.outer(inside, inside)), begin[:, None] + end, -np.inf)";
        yield return "first, last = np.unravel_index(scores.argmax(), scores.shape)";
        yield return "answer = text[encoded.offsets[first][0]:encoded.offsets[last][1]]";
    }

    private static string Padding(ExportDetails details) => FormattableString.Invariant($"tokenizer.enable_padding(pad_id={details.PadId})");

    private static string Truncation(ExportDetails details, string strategy) => FormattableString.Invariant($"tokenizer.enable_truncation({details.MaxTokens}{strategy})");

    // What tokenizers calls the numbers of each input.
    private static string Inputs(OnnxGraph graph, string values)
    {
        var entries = graph.Inputs.Select(input => (input.Name, Field: input.Name switch { OnnxTokens.IdsName => "ids", OnnxTokens.TypeIdsName => "type_ids", var name => name }))
            .Select(input => $"\"{input.Name}\": np.array({values.Replace("{0}", input.Field, StringComparison.Ordinal)}, np.int64)");
        return $"inputs = {{{string.Join(", ", entries)}}}";
    }
}
