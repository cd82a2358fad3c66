namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>What a head reads and gives.</summary>
internal enum HeadKind
{
    /// <summary>Outputs for a whole text or picture.</summary>
    Whole,

    /// <summary>Outputs for each token.</summary>
    Tokens,

    /// <summary>Where a part of the text begins and ends.</summary>
    Spans,
}
