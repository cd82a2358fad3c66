using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Writes an encoder as an ONNX graph that gives one vector for each text.</summary>
internal static class OnnxEmbeddings
{
    private const string ModeSetting = "pooling_mode";
    private const string ClassTokenMode = ModeSetting + "_cls_token";

    private static readonly string[] MeanModes = [ModeSetting + "_mean_tokens", ModeSetting + "_mean_sqrt_len_tokens"]; // of one direction
    private static readonly string[] KnownModules = ["Transformer", "Pooling", "Normalize"];

    /// <summary>Writes a pretrained encoder.</summary>
    /// <param name="model">The encoder.</param>
    /// <param name="folder">Path of the folder.</param>
    /// <param name="pooling">Which vector stands for a text; null for the one that the encoder was trained for.</param>
    /// <param name="options">Settings, checked.</param>
    /// <exception cref="NotSupportedException">The model answers with text, or reads pictures, or its own vectors are not among the poolings.</exception>
    public static void Save(PretrainedModel model, string folder, EmbeddingPooling? pooling, OnnxExportOptions options)
    {
        using var files = model.Open();
        pooling ??= Trained(model, files);
        var checkpoint = TextCheckpoint.Load(files);
        using var network = checkpoint.Network;
        var (small, details) = (checkpoint.Files.ToDictionary(), new ExportDetails { MaxTokens = checkpoint.MaxTokens, PadId = checkpoint.Tokenizer.PadId });
        small[TokenizerConfiguration.MainFile] = TokenizerExport.Complete(small, checkpoint.MaxTokens, network.Architecture.PreprocessorClass, network.Architecture.TakesTypeIds);
        Save(network, network, small, details, folder, pooling.Value, options, model.ToString());
    }

    /// <summary>Writes the encoder of a trained model.</summary>
    /// <param name="model">The model; not modified.</param>
    /// <param name="details">How rows were read.</param>
    /// <param name="folder">Path of the folder.</param>
    /// <param name="pooling">Which vector stands for a text; null for the one that the model's head reads.</param>
    /// <param name="options">Settings, checked.</param>
    /// <exception cref="NotSupportedException">The model reads pictures, answers with text, or has a prompt.</exception>
    public static void Save(TrainedNetwork model, ExportDetails details, string folder, EmbeddingPooling? pooling, OnnxExportOptions options)
    {
        if (model.Adapter.PromptLength > 0 || details.MaxTokens is null)
        {
            throw new NotSupportedException(
                $"Embeddings of texts come from an encoder of texts without a prompt. This model {(details.MaxTokens is null ? "reads pictures" : "has a prompt, which is part of every text")}.");
        }

        using var use = model.Use();
        var readsMean = model.Network.Base is TextEncoder { HeadReadsMean: true };
        Save(
            model.Network, model.Network.Base, ModelExport.SmallFiles(model, details), details with { Notes = new Dictionary<string, string>(), ReadsPairs = false }, folder,
            pooling ?? (readsMean ? EmbeddingPooling.Mean : EmbeddingPooling.ClassToken), options, $"{model.Base.Name}, trained on: {model.Adapter.Description}");
    }

    // What the encoder was trained for, as sentence-transformers notes it in a folder.
    private static EmbeddingPooling Trained(PretrainedModel model, CheckpointFiles files)
    {
        if (files is not FolderCheckpointFiles)
        {
            return model is { EmbedsByClassToken: true, Layers: null } ? EmbeddingPooling.ClassToken : EmbeddingPooling.Mean;
        }

        if (files.Exists(CheckpointFiles.ModulesName) && Modules(files).FirstOrDefault(module => !KnownModules.Contains(module)) is { } other)
        {
            throw NotWritten(files, CheckpointFiles.ModulesName, $"the module '{other}'");
        }

        string[] modes = files.Exists(CheckpointFiles.PoolingName)
            ? [.. ModelConfig.Read(files, CheckpointFiles.PoolingName).FieldsInUse.Where(field => field.StartsWith(ModeSetting, StringComparison.Ordinal))] : [];
        return modes is [ClassTokenMode] ? EmbeddingPooling.ClassToken
            : modes is [] || (modes is [var mode] && MeanModes.Contains(mode)) ? EmbeddingPooling.Mean
            : throw NotWritten(files, CheckpointFiles.PoolingName, string.Join(" and ", modes));
    }

    private static List<string> Modules(CheckpointFiles files)
    {
        var file = $"'{CheckpointFiles.ModulesName}' of {files.Description}";
        using var document = JsonText.Parse(files, CheckpointFiles.ModulesName, file);
        var root = document.RootElement;
        var types = root.ValueKind == JsonValueKind.Array
            ? root.EnumerateArray().Select(module => module.ValueKind == JsonValueKind.Object && module.TryGetProperty("type", out var type) ? type.ToString() : "").ToList() : [""];
        return types.TrueForAll(type => type.Length > 0) ? types.ConvertAll(type => type[(type.LastIndexOf('.') + 1)..])
            : throw new InvalidDataException($"{file} is no list of modules with a 'type'. Fetch the model's files again.");
    }

    private static NotSupportedException NotWritten(CheckpointFiles files, string name, string what) => new(
        $"The vectors of {files.Description} are those of {what}, as its {name} says, which is not written. Name an EmbeddingPooling for the vectors of the encoder alone.");

    private static void Save(
        nn.Module named, PretrainedNetwork network, Dictionary<string, byte[]> files, ExportDetails details, string folder, EmbeddingPooling pooling, OnnxExportOptions options,
        string description)
    {
        var encoder = network as TextEncoder ?? throw new NotSupportedException($"{description} answers with text and gives no vector for one. Use an encoder, for example PretrainedModel.{nameof(PretrainedModel.BgeSmall)}.");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraph(named, options.Precision);
        graph.Output(EmbeddingNotes.Output, encoder.EmitEmbedding(graph, pooling));
        KeyValuePair<string, string>[] notes =
        [
            .. OnnxExport.CommonNotes(network, details, options.Precision), new(ServedFolder.TaskNote, EmbeddingNotes.Task), new("pooling", pooling.ToString()),
            new(EmbeddingNotes.Dimensions, encoder.HiddenSize.ToString(CultureInfo.InvariantCulture)),
        ];
        OnnxExport.Write(folder, graph, notes, files, network, options, tokenizer => Card(description, graph, details, pooling, hasTokenizer: tokenizer is not null));
    }

    private static byte[] Card(string description, OnnxGraph graph, ExportDetails details, EmbeddingPooling pooling, bool hasTokenizer) => Encoding.UTF8.GetBytes($$"""
        ---
        library_name: onnx
        pipeline_tag: sentence-similarity
        tags:
        - microsoft-ml-naturalgradient
        ---
        # Vectors for texts
        Of {{description}}: {{(pooling == EmbeddingPooling.Mean ? "the mean of the token vectors" : "the vector of the first token")}}, divided by its length. The dot product of two vectors is their cosine similarity.

        - `model.onnx` reads {{string.Join(", ", graph.Inputs.Select(input => $"`{input.Name}`"))}}, int64 [batch, tokens], and gives `{{EmbeddingNotes.Output}}`, float32 {{OnnxShape.Text(graph.Outputs[0].Shape)}}.
        {{OnnxCard.Facts(details)}}

        {{(hasTokenizer ? $"In Python, with onnxruntime and tokenizers:\n\n```python\n{string.Join('\n', OnnxPython.Vectors(details, graph))}\n```" : OnnxCard.NoTokenizer)}}

        In C#, with the package NaturalGradient.MLNet.Onnx, which needs no libtorch:

        ```csharp
        using Microsoft.Extensions.AI;
        using Microsoft.ML.NaturalGradient;

        using var generator = OnnxEmbeddingGenerator.Load(".");
        var vectors = await generator.GenerateAsync(["a text", "another one"]);
        ```

        """.ReplaceLineEndings("\n"));
}
