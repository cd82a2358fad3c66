using Microsoft.ML.NaturalGradient.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The pretrained model that a trained one started from, as far as saving needs it.</summary>
/// <param name="Name">Its name, for messages.</param>
/// <param name="Fingerprint">SHA-256 of its weights when a saved model only names it; null when the saved model holds the weights.</param>
/// <param name="Files">Its small files: configuration and tokenizer.</param>
/// <param name="StoredTypes">Element type of each weight in its own file, by name.</param>
/// <param name="Location">Where Python finds it; null where that is not known.</param>
internal sealed record ModelBase(
    string Name,
    string? Fingerprint,
    IReadOnlyDictionary<string, byte[]> Files,
    IReadOnlyDictionary<string, ScalarType> StoredTypes,
    BaseLocation? Location)
{
    /// <summary>Whether the head reads the mean of the token vectors and not what the architecture's own classifier reads.</summary>
    public bool ReadsMean => ClassifierConfig.IsBareTextEncoder(Files);
}
