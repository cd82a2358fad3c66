namespace Microsoft.ML.NaturalGradient;

/// <summary>What the vectors of a prompt are before training.</summary>
public enum PromptInitialization
{
    /// <summary>Embeddings of tokens drawn at random from the vocabulary.</summary>
    SampledVocabulary,

    /// <summary>Embeddings of the tokens of a text.</summary>
    Text,

    /// <summary>Numbers drawn from a standard normal distribution.</summary>
    Random,
}
