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
}
