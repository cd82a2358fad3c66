namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>What an architecture reads and answers.</summary>
internal enum ArchitectureKind
{
    /// <summary>Texts, for a classification head.</summary>
    TextEncoder,

    /// <summary>Texts, answered with texts.</summary>
    TextToText,

    /// <summary>Pictures, for a classification head.</summary>
    ImageEncoder,
}
