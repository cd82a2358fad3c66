using Microsoft.ML;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

[assembly: LoadableClass(
    typeof(TextClassificationTransformer), null, typeof(SignatureLoadModel), "Text classification by fine-tuning", TextClassificationTransformer.LoaderSignature)]
[assembly: LoadableClass(
    typeof(SentenceSimilarityTransformer), null, typeof(SignatureLoadModel), "Sentence similarity by fine-tuning", SentenceSimilarityTransformer.LoaderSignature)]

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>A network trained on texts inside a saved ML.NET model.</summary>
/// <remarks>
/// Beside ML.NET's own description the zip holds ordinary files: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> (adapter and
/// head), the configuration and tokenizer files of the base and, unless the base is only named, its <c>model.safetensors</c>.
/// </remarks>
internal static class TextModelArchive
{
    private const string Description = "the saved model";

    /// <summary>Marks a saved text classifier.</summary>
    public static TextModelKind Classification { get; } = new(
        "NGTXTCLS", TextClassificationTransformer.LoaderSignature, (host, reader) => new ClassificationTask(ClassLabels.Load(host, reader), TextToTextSettings.Load(reader)));

    /// <summary>Marks a saved model for sentence similarity.</summary>
    public static TextModelKind Similarity { get; } = new(
        "NGTXTSIM", SentenceSimilarityTransformer.LoaderSignature, (_, _) => new RegressionTask());

    /// <summary>Writes a model.</summary>
    public static void Save(IHost host, ModelSaveContext context, TextScorer model, TextColumns columns, TextModelKind kind)
    {
        context.CheckAtModel();
        context.SetVersionInfo(kind.Version());
        context.SaveNonEmptyString(columns.Label);
        context.SaveNonEmptyString(columns.Score);
        context.SaveStringOrNull(columns.PredictedLabel);
        context.SaveNonEmptyString(columns.Sentence1);
        context.SaveStringOrNull(columns.Sentence2);
        context.Writer.Write(model.MaxTokens);
        context.SaveNonEmptyString(model.Base.Name);
        context.SaveStringOrNull(model.Base.Fingerprint);
        model.Task.Save(host, context.Writer);

        var files = model.Base.Files.Where(_ => model.Base.Fingerprint is null).Append(
            new(AdapterConfig.FileName, AdapterConfig.Write(model.Adapter, model.Network.Base, model.Base.Location))).ToArray();
        context.Writer.Write(files.Length);
        foreach (var (name, content) in files)
        {
            context.SaveNonEmptyString(name);
            context.SaveBinaryStream(name, writer => writer.Write(content));
        }

        SaveWeights(
            context, AdapterConfig.WeightsName, AdapterWeights.Entries(model.Network, model.Adapter), AdapterWeights.Metadata(model.Base.ReadsMean));
        if (model.Base.Fingerprint is null)
        {
            var types = model.Base.StoredTypes;
            SaveWeights(context, CheckpointFiles.WeightsName, model.Network.FrozenParameters.Select(
                named => new SafetensorsEntry(named.Name, named.Value, types[named.Name])));
        }
    }

    /// <summary>Reads a model.</summary>
    /// <returns>The model, owned by the caller, and its columns.</returns>
    /// <exception cref="InvalidDataException">A file in the saved model is damaged; the message names it.</exception>
    /// <exception cref="InvalidOperationException">The base model is only named and is not known here.</exception>
    public static (TextScorer Model, TextColumns Columns) Load(IHostEnvironment environment, ModelLoadContext context, TextModelKind kind)
    {
        var host = environment.Register(nameof(TextModelArchive));
        context.CheckAtModel(kind.Version());
        var columns = new TextColumns(
            context.LoadNonEmptyString(), context.LoadNonEmptyString(), context.LoadStringOrNull(), context.LoadNonEmptyString(), context.LoadStringOrNull());
        var maxTokens = context.Reader.ReadInt32();
        var baseName = context.LoadNonEmptyString();
        var fingerprint = context.LoadStringOrNull();
        var task = kind.ReadTask(host, context.Reader);
        var count = context.Reader.ReadInt32();
        var names = Enumerable.Range(0, count).Select(_ => context.LoadNonEmptyString()).ToArray();
        var contents = names.Append(AdapterConfig.WeightsName).Concat(fingerprint is null ? [CheckpointFiles.WeightsName] : [])
            .ToDictionary(name => name, name => LoadFile(context, name));

        using var channel = host.Start("LoadModel");
        var device = ComputeDevice.Choose(environment, message => channel.Warning(message));
        using var trained = SafetensorsFile.FromMemory(contents[AdapterConfig.WeightsName], $"'{AdapterConfig.WeightsName}' of {Description}");
        using var own = new MemoryCheckpointFiles(contents, Description);
        using var files = fingerprint is null
            ? own
            : OpenBase(KnownBases.Find(environment, baseName, fingerprint, line => channel.Info(line)), trained);
        // Weights that were trained in place are in the adapter's file only.
        var checkpoint = TextCheckpoint.Load(files, fingerprint is null ? AdapterWeights.BaseNames(trained).Contains : null);
        var network = Restore(checkpoint, task, own, trained, out var adapter);
        network.MoveTo(device);
        var location = ModelConfig.Read(own, AdapterConfig.FileName).OptionalString(AdapterConfig.BaseModelField, null);
        var source = new ModelBase(baseName, fingerprint, checkpoint.Files, checkpoint.StoredTypes, location);
        return (new TextScorer(network, task.RowTokenizer(checkpoint, columns), maxTokens, task, adapter, source, device), columns);
    }

    private static CheckpointFiles OpenBase(CheckpointFiles files, SafetensorsFile trained) =>
        AdapterWeights.IsForClassifier(trained) ? ClassifierConfig.OpenAsClassifier(files) : files;

    private static TextNetwork Restore(
        TextCheckpoint checkpoint, TextTask task, CheckpointFiles own, SafetensorsFile trained, out AdapterOptions adapter)
    {
        TextNetwork? network = null;
        try
        {
            adapter = AdapterConfig.Read(own).For(checkpoint.Tokenizer);
            network = task.CreateNetwork(checkpoint, adapter, seed: 0, useHead: false);
            AdapterWeights.Load(network, adapter, trained);
            return network;
        }
        catch
        {
            checkpoint.Network.Dispose();
            network?.Dispose();
            throw;
        }
    }

    private static byte[] LoadFile(ModelLoadContext context, string name)
    {
        using var content = new MemoryStream();
        return context.TryLoadBinaryStream(name, reader => reader.BaseStream.CopyTo(content))
            ? content.ToArray()
            : throw new InvalidDataException($"There is no '{name}' in {Description}. The file is damaged; save the model again.");
    }

    private static void SaveWeights(
        ModelSaveContext context, string name, IEnumerable<SafetensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var noGrad = no_grad();
        context.SaveBinaryStream(name, writer => SafetensorsWriter.Write(writer.BaseStream, entries, metadata));
    }
}
