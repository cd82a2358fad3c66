namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings that the methods built on per-sample gradients share.</summary>
public abstract record GramOptimizerOptions : OptimizerOptions
{
    private protected GramOptimizerOptions()
    {
    }

    /// <summary>Damping λ added to the diagonal of the Gram matrix, relative to its mean diagonal.</summary>
    /// <value>Zero or greater; each method states its default.</value>
    public double Damping { get; init; }

    /// <summary>Whether the update is scaled to unit length before the learning rate is applied, as the paper does for EF and SF.</summary>
    public bool NormalizeUpdate { get; init; }

    internal override void Validate()
    {
        base.Validate();
        Check(Damping >= 0 && double.IsFinite(Damping), nameof(Damping), Damping, "Use zero or a positive number, for example 0.1.");
    }
}
