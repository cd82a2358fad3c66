using System.Globalization;
using System.Text;
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
    private const string PoolingFile = "1_Pooling/config.json"; // of sentence-transformers
    private const string ClassTokenSetting = "pooling_mode_cls_token";

    /// <summary>Writes a pretrained encoder.</summary>
    /// <param name="model">The encoder.</param>
    /// <param name="folder">Path of the folder.</param>
    /// <param name="pooling">Which vector stands for a text; null for the one that the encoder was trained for.</param>
    /// <param name="options">Settings, checked.</param>
    public static void Save(PretrainedModel model, string folder, EmbeddingPooling? pooling, OnnxExportOptions options)
    {
        using var files = model.Open();
        var isFirst = model is { EmbedsByClassToken: true, Layers: null } || (files is FolderCheckpointFiles && files.Exists(PoolingFile) && JsonText.ParseObject(files.Read(PoolingFile), PoolingFile)[ClassTokenSetting]?.GetValue<bool>() == true);
        var checkpoint = TextCheckpoint.Load(files);
        using var network = checkpoint.Network;
        network.eval();
        var maxTokens = checkpoint.MaxTokens;
        var small = checkpoint.Files.ToDictionary();
        small[TokenizerConfiguration.MainFile] = TokenizerExport.Complete(checkpoint.Files, maxTokens, network.Architecture.PreprocessorClass, network.Architecture.TakesTypeIds);
        Save(network, network, small, checkpoint.Tokenizer.PadId, maxTokens, folder, pooling ?? (isFirst ? EmbeddingPooling.ClassToken : EmbeddingPooling.Mean), options, model.ToString());
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
        if (model.Adapter.PromptLength > 0 || details.MaxTokens is not { } maxTokens)
        {
            throw new NotSupportedException(
                $"Embeddings of texts come from an encoder of texts without a prompt. This model {(details.MaxTokens is null ? "reads pictures" : "has a prompt, which is part of every text")}.");
        }

        using var use = model.Use();
        Save(
            model.Network, model.Network.Base, ModelExport.SmallFiles(model, details), details.PadId, maxTokens, folder,
            pooling ?? (model.Base.ReadsMean ? EmbeddingPooling.Mean : EmbeddingPooling.ClassToken), options, $"{model.Base.Name}, trained on: {model.Adapter.Description}");
    }

    private static void Save(
        nn.Module named, PretrainedNetwork network, Dictionary<string, byte[]> files, int padId, int maxTokens, string folder, EmbeddingPooling pooling, OnnxExportOptions options,
        string description)
    {
        var encoder = network as TextEncoder ?? throw new NotSupportedException($"{description} answers with text and gives no vector for one. Use an encoder, for example PretrainedModel.{nameof(PretrainedModel.BgeSmall)}.");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraph(named, options.Precision);
        graph.Output(EmbeddingNotes.Output, encoder.EmitEmbedding(graph, pooling));
        if (OnnxExport.TokenizerOf(files, network.Architecture) is { } tokenizer)
        {
            files[TokenizerJsonFormat.FileName] = tokenizer;
        }

        var notes = new Dictionary<string, string>
        {
            ["format"] = "NaturalGradient.MLNet 1",
            ["precision"] = options.Precision.ToString(),
            ["model_type"] = network.Architecture.ModelType,
            [ServedFolder.TaskNote] = EmbeddingNotes.Task,
            ["pooling"] = pooling.ToString(),
            [EmbeddingNotes.Dimensions] = Number(encoder.HiddenSize),
            [ServedFolder.TokensNote] = Number(maxTokens),
            ["pad_token_id"] = Number(padId),
            ["vocabulary_size"] = Number(network.VocabularySize),
        };
        if (network.Architecture.PreprocessorClass is { } preprocessor)
        {
            notes[ServedFolder.PreprocessorNote] = preprocessor;
        }

        using var save = FolderSave.Begin(folder);
        OnnxFile.Write(save, graph, notes, options.LargestFile);
        foreach (var (name, content) in files)
        {
            save.Write(name, content);
        }

        save.Write(ModelCard.FileName, Card(description, graph, pooling, encoder.HiddenSize, maxTokens));
        save.Commit([.. CheckpointFiles.SmallNames, OnnxFile.DataName]);
    }

    private static byte[] Card(string description, OnnxGraph graph, EmbeddingPooling pooling, int width, int maxTokens) => Encoding.UTF8.GetBytes($$"""
        ---
        library_name: onnx
        pipeline_tag: sentence-similarity
        tags:
        - microsoft-ml-naturalgradient
        ---
        # Vectors for texts
        Of {{description}}: {{(pooling == EmbeddingPooling.Mean ? "the mean of the token vectors" : "the vector of the first token")}}, divided by its length. The dot product of two vectors is their cosine similarity.

        - `model.onnx` reads {{string.Join(", ", graph.Inputs.Select(input => $"`{input.Name}`"))}}, int64 [batch, tokens], and gives `{{EmbeddingNotes.Output}}`, float32 [batch, {{Number(width)}}].
        - Longest sequence: {{Number(maxTokens)}} tokens; longer texts lose their end.

        In Python, with onnxruntime and tokenizers:

        ```python
        import numpy, onnxruntime, tokenizers
        folder = "."  # where this file is
        tokenizer = tokenizers.Tokenizer.from_file(folder + "/tokenizer.json")
        tokenizer.enable_truncation({{Number(maxTokens)}})
        tokenizer.enable_padding()
        session = onnxruntime.InferenceSession(folder + "/model.onnx")
        rows = tokenizer.encode_batch(["a text", "another one"])
        given = {"input_ids": [row.ids for row in rows], "attention_mask": [row.attention_mask for row in rows], "token_type_ids": [row.type_ids for row in rows]}
        vectors = session.run(None, {i.name: numpy.array(given[i.name], dtype=numpy.int64) for i in session.get_inputs()})[0]
        ```

        In C#, with the package NaturalGradient.MLNet.Onnx, which needs no libtorch:

        ```csharp
        using Microsoft.Extensions.AI;
        using Microsoft.ML.NaturalGradient;

        using var generator = OnnxEmbeddingGenerator.Load(".");
        var vectors = await generator.GenerateAsync(["a text", "another one"]);
        ```

        """.ReplaceLineEndings("\n"));

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
