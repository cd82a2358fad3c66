using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Writes a trained model as an ONNX graph, with the files that say how its rows are read.</summary>
internal static class OnnxExport
{
    /// <summary>Name of the output of the network.</summary>
    public const string OutputsName = "logits";

    /// <summary>Name of the predictions, where they are probabilities.</summary>
    public const string ProbabilitiesName = "probabilities";

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a model.</summary>
    /// <param name="model">The model; not modified.</param>
    /// <param name="details">How rows were read.</param>
    /// <param name="folder">Path of the folder.</param>
    /// <param name="options">Settings, checked.</param>
    public static void Save(TrainedNetwork model, ExportDetails details, string folder, OnnxExportOptions options)
    {
        using var use = model.Use();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var graph = Emit(model, details, options);
        Write(
            folder, graph, Notes(model, details, options), ModelExport.SmallFiles(model, details), model.Network.Base, options,
            tokenizer => OnnxCard.Write(model, details, graph, options.Precision, tokenizer));
    }

    /// <summary>Writes a folder: the graph, the small files with a tokenizer that other libraries read, and a README.md.</summary>
    /// <param name="folder">Path of the folder.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="notes">What it says of itself.</param>
    /// <param name="files">The small files; changed.</param>
    /// <param name="network">The pretrained network.</param>
    /// <param name="options">Settings, checked.</param>
    /// <param name="card">Makes README.md, given tokenizer.json; null where there is none.</param>
    public static void Write(
        string folder, OnnxGraph graph, IEnumerable<KeyValuePair<string, string>> notes, Dictionary<string, byte[]> files, PretrainedNetwork network, OnnxExportOptions options,
        Func<byte[]?, byte[]> card)
    {
        if (network.Architecture.Kind != ArchitectureKind.ImageEncoder && TokenizerOf(files, network.Architecture) is { } tokenizer)
        {
            files[TokenizerJsonFormat.FileName] = tokenizer;
        }

        using var save = FolderSave.Begin(folder);
        OnnxFile.Write(save, graph, notes, options.LargestFile);
        foreach (var (name, content) in files)
        {
            save.Write(name, content);
        }

        save.Write(ModelCard.FileName, card(files.GetValueOrDefault(TokenizerJsonFormat.FileName)));
        save.Commit([.. CheckpointFiles.SmallNames, OnnxFile.DataName]);
    }

    /// <summary>Writes the graph alone, with all weights in it.</summary>
    /// <param name="model">The model; not modified.</param>
    /// <param name="details">How rows were read.</param>
    /// <param name="options">Settings, checked.</param>
    /// <returns>Content of the file.</returns>
    /// <exception cref="InvalidOperationException">It has 2 GB or more.</exception>
    public static byte[] ToBytes(TrainedNetwork model, ExportDetails details, OnnxExportOptions options)
    {
        using var use = model.Use();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return OnnxFile.ToBytes(Emit(model, details, options), Notes(model, details, options));
    }

    // The one of the checkpoint stays but for what other files say of it; others are written as this format has them, which libraries of every language read.
    private static byte[]? TokenizerOf(Dictionary<string, byte[]> files, Architecture architecture)
    {
        using var opened = new MemoryCheckpointFiles(files, "the pretrained model");
        return files.ContainsKey(TokenizerJsonFormat.FileName)
            ? TokenizerExport.Gather(files, architecture.PreprocessorClass)
            : (TokenizerFactory.Create(opened, architecture.PreprocessorClass) as TextTokenizer)?.ToJson();
    }

    private static OnnxGraph Emit(TrainedNetwork model, ExportDetails details, OnnxExportOptions options)
    {
        var graph = new OnnxGraph(model.Network, options.Precision);
        var outputs = model.Network.Emit(graph, details.Pictures);
        graph.Output(OutputsName, outputs);
        if (model.Target.EmitProbabilities(graph, graph.Cast(outputs, OnnxElementType.Float)) is { } probabilities)
        {
            graph.Output(ProbabilitiesName, probabilities);
        }

        return graph;
    }

    /// <summary>A list of texts as the file's notes have it.</summary>
    public static string List<T>(IEnumerable<T> values) => JsonSerializer.Serialize(values, Readable);

    /// <summary>What every graph says of itself: what a reader needs to know and no other file of the folder says as shortly.</summary>
    /// <param name="network">The pretrained network.</param>
    /// <param name="details">How rows are read.</param>
    /// <param name="precision">The numbers.</param>
    public static IEnumerable<KeyValuePair<string, string>> CommonNotes(PretrainedNetwork network, ExportDetails details, OnnxPrecision precision)
    {
        yield return new("format", "NaturalGradient.MLNet 1");
        yield return new("precision", precision.ToString());
        yield return new("model_type", network.Architecture.ModelType);
        if (network.Architecture.PreprocessorClass is { } preprocessor)
        {
            yield return new(ServedFolder.PreprocessorNote, preprocessor);
        }

        if (details.ReadsPairs)
        {
            yield return new(ServedFolder.PairsNote, "true");
        }

        foreach (var note in details.Notes)
        {
            yield return note;
        }

        if (details.MaxTokens is { } maxTokens)
        {
            yield return new(ServedFolder.TokensNote, maxTokens.ToString(CultureInfo.InvariantCulture));
            yield return new("pad_token_id", details.PadId.ToString(CultureInfo.InvariantCulture));
            yield return new("vocabulary_size", network.VocabularySize.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> Notes(TrainedNetwork model, ExportDetails details, OnnxExportOptions options)
    {
        foreach (var note in CommonNotes(model.Network.Base, details, options.Precision).Append(new(ServedFolder.NamesNote, List(model.Target.OutputNames))).Concat(model.Target.OnnxNotes))
        {
            yield return note;
        }

        if (details.TextToText.Prompt is { } prompt)
        {
            yield return new(ServedFolder.PromptNote, prompt.Text);
        }

        if (details.TextToText.LabelWords is { } words)
        {
            yield return new("label_words", List(words));
        }
    }
}
