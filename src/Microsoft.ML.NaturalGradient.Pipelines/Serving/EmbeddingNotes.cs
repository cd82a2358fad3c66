namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>What an exported graph that gives vectors for texts says of itself.</summary>
internal static class EmbeddingNotes
{
    /// <summary>Name of the output, [N, D].</summary>
    public const string Output = "embeddings";

    /// <summary>What the note <see cref="ServedFolder.TaskNote"/> says.</summary>
    public const string Task = "embedding";

    /// <summary>Name of the note with the length D of a vector.</summary>
    public const string Dimensions = "dimensions";
}
