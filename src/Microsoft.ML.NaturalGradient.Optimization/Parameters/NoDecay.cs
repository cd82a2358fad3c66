namespace Microsoft.ML.NaturalGradient;

/// <summary>Parameters that weight decay leaves alone.</summary>
public enum NoDecay
{
    /// <summary>Those with a single axis: biases, and scales and shifts of normalisations. The usual choice.</summary>
    BiasesAndNorms,

    /// <summary>None: every parameter decays, as in most papers' formulas.</summary>
    Nothing,
}
