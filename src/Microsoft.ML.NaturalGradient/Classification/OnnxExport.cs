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
        using var save = FolderSave.Begin(folder);
        OnnxFile.Write(save, graph, Notes(model, details, options), options.LargestFile);
        var files = ModelExport.SmallFiles(model, details);
        if (details.Pictures is null && TokenizerOf(files, model.Network.Base.Architecture) is { } tokenizer)
        {
            files[TokenizerJsonFormat.FileName] = tokenizer;
        }

        foreach (var (name, content) in files)
        {
            save.Write(name, content);
        }

        save.Write(ModelCard.FileName, OnnxCard.Write(model, details, graph, options.Precision, files.GetValueOrDefault(TokenizerJsonFormat.FileName)));
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

    /// <summary>A tokenizer that other libraries read; null where the checkpoint has one, which stays, or this one has no such form.</summary>
    /// <param name="files">The small files of the checkpoint.</param>
    /// <param name="architecture">Its architecture.</param>
    /// <returns>Content of tokenizer.json.</returns>
    public static byte[]? TokenizerOf(Dictionary<string, byte[]> files, Architecture architecture)
    {
        using var opened = new MemoryCheckpointFiles(files, "the pretrained model");
        return files.ContainsKey(TokenizerJsonFormat.FileName) ? null : (TokenizerFactory.Create(opened, architecture.PreprocessorClass) as TextTokenizer)?.ToJson();
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

    // What a reader needs to know and no other file of the folder says as shortly.
    private static IEnumerable<KeyValuePair<string, string>> Notes(TrainedNetwork model, ExportDetails details, OnnxExportOptions options)
    {
        var network = model.Network.Base;
        yield return new("format", "NaturalGradient.MLNet 1");
        yield return new("precision", options.Precision.ToString());
        yield return new("model_type", network.Architecture.ModelType);
        yield return new("class_names", List(model.Target.OutputNames));
        foreach (var note in model.Target.OnnxNotes)
        {
            yield return note;
        }

        if (network.Architecture.PreprocessorClass is { } preprocessor)
        {
            yield return new(ServedFolder.PreprocessorNote, preprocessor);
        }

        foreach (var note in details.Notes)
        {
            yield return note;
        }

        if (details.MaxTokens is { } maxTokens)
        {
            yield return new("max_tokens", maxTokens.ToString(CultureInfo.InvariantCulture));
            yield return new("pad_token_id", details.PadId.ToString(CultureInfo.InvariantCulture));
            yield return new("vocabulary_size", network.VocabularySize.ToString(CultureInfo.InvariantCulture));
        }

        if (details.TextToText.Prompt is { } prompt)
        {
            yield return new("prompt", prompt.Text);
        }

        if (details.TextToText.LabelWords is { } words)
        {
            yield return new("label_words", List(words));
        }
    }
}
