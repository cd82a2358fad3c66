namespace Microsoft.ML.NaturalGradient;

/// <summary>How a Kronecker-factored method damps a block A ⊗ G.</summary>
public enum KroneckerDamping
{
    /// <summary>(A + π√λ I) ⊗ (G + √λ/π I) with π² = (tr A / dim A) / (tr G / dim G): two Cholesky factorisations, an approximation of λI.</summary>
    /// <remarks>Martens and Grosse, "Optimizing Neural Networks with Kronecker-factored Approximate Curvature", ICML 2015, section 6.3.</remarks>
    Factored,

    /// <summary>A ⊗ G + λI, in the eigenbases of A and G: some ten times the cost at each refresh.</summary>
    Exact,
}
