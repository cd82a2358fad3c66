namespace Microsoft.ML.NaturalGradient;

/// <summary>What happens to pictures that cannot be read: missing, empty, cut off, no pictures at all, or too large.</summary>
public enum UnreadableImages
{
    /// <summary>They are left out, counted and reported.</summary>
    Skip,

    /// <summary>The first one ends the run with an error that names it.</summary>
    Stop,
}
