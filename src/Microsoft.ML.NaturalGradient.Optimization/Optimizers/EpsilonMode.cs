namespace Microsoft.ML.NaturalGradient;

/// <summary>How <see cref="FAdamOptions"/> adapts the number ε added to the root of the Fisher matrix to the gradient g of a parameter.</summary>
public enum EpsilonMode
{
    /// <summary>ε·max(1, RMS(g)), as the authors' code does.</summary>
    MaxRms,

    /// <summary>ε·min(1, RMS(g)), as other ports do.</summary>
    MinRms,

    /// <summary>min(ε, 0.01·RMS(g)), as the paper states it.</summary>
    Paper,
}
