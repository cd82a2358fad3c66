using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.T5;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>What a saved classifier is called whose head reads the mean of the token vectors, which no class of transformers does.</summary>
/// <remarks>
/// transformers chooses a class by <c>model_type</c> and fills what a file lacks with random weights. A type that it does not know is refused
/// instead; the class in the folder's README.md has it. Earlier versions of this library kept the base's type, and called the head <c>classifier</c>.
/// </remarks>
internal static class MeanPooled
{
    /// <summary>Name of the class in the folder's README.md.</summary>
    public const string ClassName = "MeanClassifier";

    private const string TypePrefix = "mean_pooled_";

    /// <summary>The type of a classifier.</summary>
    /// <param name="encoderType">The type of its encoder, for example <c>bert</c>.</param>
    public static string TypeOf(string encoderType) => TypePrefix + encoderType;

    /// <summary>The type of the network without its head.</summary>
    /// <param name="modelType">A type; of an encoder or of a classifier.</param>
    public static string EncoderType(string modelType) =>
        modelType.StartsWith(TypePrefix, StringComparison.Ordinal) ? modelType[TypePrefix.Length..] : modelType;

    /// <summary>Finds a tensor of the head in a full checkpoint.</summary>
    /// <param name="weights">The checkpoint's weights.</param>
    /// <param name="config">The checkpoint's configuration.</param>
    /// <param name="name">What the network calls it.</param>
    /// <returns>What the file calls it; <paramref name="name"/> itself where it is not there.</returns>
    public static string HeadName(ISafetensors weights, ModelConfig config, string name) =>
        !weights.Contains(name) && WasSavedByEarlierVersion(config) ? HeadLayout.OldName(name) : name;

    // The class of the bare encoder, or that of the README; heads of other tasks, such as one for each token, are called classifier too.
    private static bool WasSavedByEarlierVersion(ModelConfig config) => config.ModelType != T5Config.ModelType
        && config.Architectures is [var architecture]
        && (architecture == ClassName || architecture == ClassifierConfig.ClassNameOf(config.ModelType) + "Model");
}
