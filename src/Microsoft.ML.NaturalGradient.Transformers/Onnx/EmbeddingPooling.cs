namespace Microsoft.ML.NaturalGradient;

/// <summary>Which vector stands for a whole text.</summary>
public enum EmbeddingPooling
{
    /// <summary>The mean of the vectors of all tokens, as all-MiniLM-L6-v2 was trained.</summary>
    Mean,

    /// <summary>The vector of the first token, as bge-small-en-v1.5 was trained.</summary>
    ClassToken,
}
