using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>Which files of a repository are downloaded: configuration, tokenizer or preprocessor, and safetensors, never a pickle.</summary>
internal static class HubFiles
{
    /// <summary>Chooses from a listing.</summary>
    /// <param name="listing">What the repository has.</param>
    /// <param name="name">The model.</param>
    /// <returns>Names in the order of download: the weights, or their index, last.</returns>
    /// <exception cref="NotSupportedException">The only weights are pickles.</exception>
    /// <exception cref="FileNotFoundException">There is no configuration, or there are no weights.</exception>
    public static IReadOnlyList<string> Choose(HubListing listing, HubName name)
    {
        if (!listing.Files.Contains(CheckpointFiles.ConfigName))
        {
            throw Missing(CheckpointFiles.ConfigName, name);
        }
        string[] forms = [CheckpointFiles.WeightsName, SafetensorsIndex.FileName];
        var weights = Array.Find(forms, listing.Files.Contains) ?? throw NoWeights(listing, name);
        return [.. CheckpointFiles.SmallNames.Append(CheckpointFiles.ModulesName).Append(CheckpointFiles.PoolingName).Where(listing.Files.Contains), weights];
    }

    /// <summary>Whether a folder has configuration and weights, so that a model can be read from it.</summary>
    public static bool IsUsable(FolderCheckpointFiles files) => files.Exists(CheckpointFiles.ConfigName)
        && (files.Exists(CheckpointFiles.WeightsName) || (files.IsSharded && files.ReadIndex().Files.All(files.Exists)));

    /// <summary>Whether a folder also has what turns rows into numbers, a tokenizer or a preprocessor, so that nothing needs to be asked for.</summary>
    /// <remarks>Downloads from here end with the weights. Python may have downloaded the weights without the rest.</remarks>
    public static bool IsComplete(FolderCheckpointFiles files) => IsUsable(files)
        && (CheckpointFiles.VocabularyNames.Any(files.Exists) || (files.Exists(CheckpointFiles.PreprocessorName) && ReadsPictures(files)));

    /// <summary>The error for a file that the repository lacks.</summary>
    public static FileNotFoundException Missing(string file, HubName name) => new(
        $"The repository of {name} has no {file}. Choose a model in the format of Hugging Face transformers, or another revision.", file);

    // The size of pictures that positions were trained on, which every such model has.
    private static bool ReadsPictures(FolderCheckpointFiles files) => ModelConfig.Read(files).KindOf("image_size") == JsonValueKind.Number;

    private static Exception NoWeights(HubListing listing, HubName name) => PickleWeights.Find(listing.Files) is { } pickle
        ? PickleWeights.Refusal(name.ToString(), pickle, $"'{name.Id}', revision='{name.Revision}'", "some-folder")
        : Missing(CheckpointFiles.WeightsName, name);
}
