using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Writes a trained model in the layouts that Python reads.</summary>
/// <remarks>
/// Each folder has what transformers and PEFT need to give the same probabilities in two lines: weights, configuration, the tokenizer with the
/// longest sequence or the image processor, and a README.md with these lines. A head that no class of theirs has is called so that they refuse it.
/// </remarks>
internal static class ModelExport
{
    /// <summary>Writes adapter and head as PEFT does.</summary>
    /// <param name="model">The model.</param>
    /// <param name="details">How rows were read.</param>
    /// <param name="folder">Path of the folder.</param>
    /// <param name="baseModel">What Python calls the base model; null for what is known of it.</param>
    public static void SavePeft(TrainedNetwork model, ExportDetails details, string folder, string? baseModel)
    {
        using var use = model.Use();
        TokenizerExport.CheckPythonHasIt(model.Base.Files);
        if (!model.Adapter.IsPeft)
        {
            throw new NotSupportedException(
                $"PEFT has no adapter for a model trained as '{model.Adapter.Description}'. Use SavePretrained, which writes the whole model.");
        }

        var location = baseModel is null ? model.Base.Location : new BaseLocation(baseModel, Layers: model.Base.Location?.Layers);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var save = FolderSave.Begin(folder);
        save.Write(AdapterConfig.WeightsName, stream => SafetensorsWriter.Write(
            stream, Calibrated(model, AdapterWeights.Entries(model.Network, model.Adapter)), AdapterWeights.Metadata(model.ReadsMean)));
        foreach (var (name, content) in SmallFiles(model, details).Where(file => file.Key != CheckpointFiles.ConfigName))
        {
            save.Write(name, content);
        }

        save.Write(ClassifierNotes.FileName, new ClassifierNotes(model.Target.OutputNames, details.TextToText, details.Predictions, model.Network.Base.LayerCount).Write());
        save.Write(ModelCard.FileName, ModelCard.ForAdapter(model, details, location));
        save.Write(AdapterConfig.FileName, AdapterConfig.Write(model.Adapter, model.Network, location));
        save.Commit(CheckpointFiles.SmallNames.Where(name => name != CheckpointFiles.ConfigName)); // which an adapter has none of
    }

    /// <summary>Writes the merged model as transformers does.</summary>
    /// <param name="model">The model.</param>
    /// <param name="details">How rows were read.</param>
    /// <param name="folder">Path of the folder.</param>
    public static void SavePretrained(TrainedNetwork model, ExportDetails details, string folder)
    {
        using var use = model.Use();
        TokenizerExport.CheckPythonHasIt(model.Base.Files);
        if (model.Adapter.PromptLength > 0)
        {
            throw new NotSupportedException(
                "The model was trained with a prompt, which cannot be merged into its weights. Use SavePeft, or mlContext.Model.Save.");
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var save = FolderSave.Begin(folder);
        if (File.Exists(Path.Combine(folder, AdapterConfig.FileName)))
        {
            throw new IOException(
                $"The folder '{Path.GetFullPath(folder)}' has an {AdapterConfig.FileName}: Python would load that adapter in place of the model. "
                + "Give another folder.");
        }

        var metadata = new Dictionary<string, string> { ["format"] = "pt" };
        save.Write(CheckpointFiles.WeightsName, stream => SafetensorsWriter.Write(stream, Calibrated(model, MergedWeights(model)), metadata));
        foreach (var (name, content) in SmallFiles(model, details))
        {
            save.Write(name, content);
        }

        save.Write(ModelCard.FileName, ModelCard.ForModel(model, details));
        save.Commit(CheckpointFiles.SmallNames);
    }

    /// <summary>The files that say what the model is and how its rows are read.</summary>
    /// <param name="model">The model.</param>
    /// <param name="details">How rows were read.</param>
    /// <returns>Content by name.</returns>
    public static Dictionary<string, byte[]> SmallFiles(TrainedNetwork model, ExportDetails details)
    {
        var (files, architecture) = (model.Base.Files.ToDictionary(), model.Network.Base.Architecture);
        files[CheckpointFiles.ConfigName] = ClassifierConfig.Write(model.Base.Files, model.Target.OutputNames, details.TextToText, details.Predictions, model.Network.HeadKind, model.Target.ProblemType);
        if (details.MaxTokens is { } maxTokens)
        {
            files[TokenizerConfiguration.MainFile] = TokenizerExport.Complete(model.Base.Files, maxTokens, architecture.PreprocessorClass, architecture.TakesTypeIds);
        }
        else
        {
            files[CheckpointFiles.PreprocessorName] = ImageProcessorKind.Complete(
                files[CheckpointFiles.PreprocessorName], architecture.PreprocessorClass!);
        }

        return files;
    }

    // A program that knows no temperature gets the same probabilities.
    private static IEnumerable<SafetensorsEntry> Calibrated(TrainedNetwork model, IEnumerable<SafetensorsEntry> entries)
    {
        if (model.Target.Temperature == 1)
        {
            return entries;
        }

        var outputs = model.Network.OutputParameters.Select(parameter => parameter.Handle).ToHashSet();
        return entries.Select(entry => outputs.Contains(entry.Value.Handle)
            ? new SafetensorsEntry(entry.Name, entry.Value.Times(1 / model.Target.Temperature), entry.StoredType) : entry);
    }

    // Frozen weights in the types of the base's own file; what was trained or merged in its own type, lest it lose digits.
    private static IEnumerable<SafetensorsEntry> MergedWeights(TrainedNetwork model)
    {
        var adapted = AdapterWeights.AdaptedLayers(model.Network.Base).ToDictionary(named => named.Key + ".weight", named => named.Value);
        foreach (var entry in model.UntrainedWeights)
        {
            yield return adapted.TryGetValue(entry.Name, out var layer) ? new SafetensorsEntry(entry.Name, layer.Adapter!.Merged(layer.OwnWeight)) : entry;
        }

        var adapters = adapted.Values.SelectMany(layer => layer.Adapter!.Weights).Select(weight => weight.Value.Handle).ToHashSet();
        foreach (var (name, value) in model.Network.TrainableParameters.Where(named => !adapters.Contains(named.Value.Handle)))
        {
            yield return new SafetensorsEntry(name, value);
        }
    }
}
