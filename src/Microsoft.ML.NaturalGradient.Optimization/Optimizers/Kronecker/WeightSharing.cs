namespace Microsoft.ML.NaturalGradient;

/// <summary>What a Kronecker-factored method does with a layer that is applied at several positions of a sample (tokens, patches).</summary>
/// <remarks>Eschenhagen et al., "Kronecker-Factored Approximate Curvature for Modern Neural Network Architectures", NeurIPS 2023, section 3.</remarks>
public enum WeightSharing
{
    /// <summary>Every position counts as a sample of its own: A = mean of āāᵀ over samples and positions, G = Σ eeᵀ over both.</summary>
    Expand,

    /// <summary>A sample is one row: ā is averaged and e is summed over the positions first. The factors cost T times less.</summary>
    Reduce,
}
