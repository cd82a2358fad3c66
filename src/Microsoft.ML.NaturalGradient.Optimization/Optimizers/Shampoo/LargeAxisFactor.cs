namespace Microsoft.ML.NaturalGradient;

/// <summary>What <see cref="SirfShampooOptions"/> keeps for an axis that is too long for a dense factor.</summary>
public enum LargeAxisFactor
{
    /// <summary>A diagonal factor: one number per position.</summary>
    Diagonal,

    /// <summary>Nothing: the axis is not preconditioned.</summary>
    None,
}
