namespace Microsoft.ML.NaturalGradient;

/// <summary>Which approximation of the Fisher matrix decides what is pruned.</summary>
public enum PruningFisher
{
    /// <summary>Improved empirical Fisher: each sample's g gᵀ is divided by s, the squared norm of its logit gradient.</summary>
    Ief,

    /// <summary>Empirical Fisher, as WoodFisher uses it.</summary>
    Ef,
}
