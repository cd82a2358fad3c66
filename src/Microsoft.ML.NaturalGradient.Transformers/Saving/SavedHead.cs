using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>What the head is called in full checkpoints.</summary>
internal static class SavedHead
{
    /// <summary>Finds a tensor of the head in a full checkpoint.</summary>
    /// <param name="weights">The checkpoint's weights.</param>
    /// <param name="config">The checkpoint's configuration.</param>
    /// <param name="name">What the network calls it.</param>
    /// <returns>What the file calls it; <paramref name="name"/> itself where it is not there.</returns>
    public static string NameOf(ISafetensors weights, ModelConfig config, string name) =>
        !weights.Contains(name) && WasSavedByEarlierVersion(config) ? HeadLayout.OldName(name) : name;

    // The class of the bare encoder, or that of the README; heads of other tasks, such as one for each token, are called classifier too.
    private static bool WasSavedByEarlierVersion(ModelConfig config) => Architectures.Find(config.ModelType) is { Kind: not ArchitectureKind.TextToText } architecture
        && config.Architectures is [var name]
        && (name == MeanPooled.ClassName || name == architecture.ClassName + "Model");
}
