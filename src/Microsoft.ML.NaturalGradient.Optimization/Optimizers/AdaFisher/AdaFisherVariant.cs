namespace Microsoft.ML.NaturalGradient;

/// <summary>Which form of AdaFisher runs.</summary>
public enum AdaFisherVariant
{
    /// <summary>What the method intends: averages that sum to one, a scale that does not depend on that of the loss, no layer left out.</summary>
    Ema,

    /// <summary>The numbers of the authors' released code, with averages that shrink to about 0.009.</summary>
    Reference,
}
