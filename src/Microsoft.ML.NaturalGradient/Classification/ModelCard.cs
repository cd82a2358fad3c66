using System.Globalization;
using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The README.md of a saved folder: what the model is, in the header that hubs read, and the Python that loads it.</summary>
internal static class ModelCard
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "README.md";

    /// <summary>Describes an adapter's folder.</summary>
    /// <param name="model">The model.</param>
    /// <param name="details">How rows were read.</param>
    /// <param name="location">Where Python finds the base model; null where that is not known.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] ForAdapter(TrainedNetwork model, ExportDetails details, BaseLocation? location)
    {
        var name = Portable(location);
        var (kind, count) = (PythonKind.Of(model), model.Target.OutputCount);
        var other = ClassifierConfig.HeadClassCount(model.Base.Files) is { } own && own != count ? ", ignore_mismatched_sizes=True" : "";
        var revision = name is not null && location?.Revision is { } state ? $", revision={Text(state)}" : "";
        var isTextToText = model.Network.Base.Architecture.Kind == ArchitectureKind.TextToText; // which is never cut
        var mayBeCut = !isTextToText && model.Base.Location is not { Layers: null };
        var layers = mayBeCut ? $", num_hidden_layers={Number(model.Network.Base.LayerCount)}" : "";
        var arguments = revision + layers + (isTextToText ? "" : $", num_labels={Number(count)}, id2label=id2label, label2id=label2id{other}");
        return Write(model, details, kind, "peft", name, [
            "from peft import PeftModel",
            $"base = {kind.ModelClass}.from_pretrained({(name is null ? "\"BASE\"" : Text(name))}{arguments})"
                + (name is null ? "  # BASE: folder or name of the model that was trained" : ""),
            $"model = PeftModel.from_pretrained(base, folder){kind.AdapterCall}.eval()",
        ]);
    }

    /// <summary>Describes the folder of a whole model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="details">How rows were read.</param>
    /// <returns>UTF-8 text.</returns>
    public static byte[] ForModel(TrainedNetwork model, ExportDetails details)
    {
        var kind = PythonKind.Of(model);
        return Write(model, details, kind, "transformers", Portable(model.Base.Location), [$"model = {kind.ModelClass}.from_pretrained(folder).eval()"]);
    }

    // A path of this machine says nothing elsewhere; adapter_config.json has it for those who stay here.
    private static string? Portable(BaseLocation? location) => location is { IsPortable: true } ? location.Name : null;

    /// <summary>A text as Python spells it.</summary>
    public static string Text(string text)
    {
        var result = new StringBuilder("\"");
        foreach (var letter in text)
        {
            _ = letter switch
            {
                '"' or '\\' => result.Append('\\').Append(letter),
                < ' ' or '\u007f' or '\u0085' or '\u2028' or '\u2029' => result.Append(CultureInfo.InvariantCulture, $"\\u{(int)letter:x4}"),
                _ => result.Append(letter),
            };
        }

        return result.Append('"').ToString();
    }

    private static byte[] Write(
        TrainedNetwork model, ExportDetails details, PythonKind kind, string library, string? baseName, IReadOnlyList<string> load)
    {
        var names = model.Target.OutputNames;
        string[] imports = ["import torch", .. load.Where(IsImport), .. kind.Imports];
        string[] code =
        [
            .. imports, "", .. kind.Definition(library == "transformers"), "folder = \".\"  # where this file is",
            $"id2label = {{{string.Join(", ", names.Select((name, id) => $"{Number(id)}: {Text(name)}"))}}}",
            "label2id = {name: id for id, name in id2label.items()}", .. load.Where(line => !IsImport(line)), "", .. kind.Use(model, details),
        ];
        var text = $"""
            ---
            {(baseName is null ? "" : $"base_model: {Text(baseName)}\n")}library_name: {library}
            pipeline_tag: {kind.Task}
            tags:
            - microsoft-ml-naturalgradient
            ---
            # {kind.Title}
            Trained with Microsoft.ML.NaturalGradient: {model.Adapter.Description}{(baseName is null ? "" : $", on {baseName}")}.

            {string.Join('\n', Facts(model, details, kind))}

            In Python, with transformers{(library == "peft" ? " and PEFT" : "")}:

            ```python
            {string.Join('\n', code)}
            ```

            """;
        return Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n"));
    }

    private static IEnumerable<string> Facts(TrainedNetwork model, ExportDetails details, PythonKind kind)
    {
        yield return $"- Outputs, in order (`id2label` below), `num_labels`: {Number(model.Target.OutputCount)}.";
        if (details.MaxTokens is { } most)
        {
            yield return $"- Longest sequence: {Number(most)} tokens, `model_max_length` of the tokenizer; longer texts lose their end (`truncation=True`).";
        }

        if (kind.Remark.Length > 0)
        {
            yield return kind.Remark;
        }
    }

    private static bool IsImport(string line) => line.StartsWith("from ", StringComparison.Ordinal);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
