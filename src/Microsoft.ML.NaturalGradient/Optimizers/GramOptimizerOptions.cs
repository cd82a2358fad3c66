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

    /// <summary>Fraction of every trainable weight removed at each step, not multiplied by the learning rate.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0; 1E-5 corresponds to AdamW with learning rate 1E-3 and decay 1E-2.</value>
    public double WeightDecayPerStep { get; init; }

    internal override void Validate()
    {
        base.Validate();
        Check(Damping >= 0 && double.IsFinite(Damping), nameof(Damping), Damping, "Use zero or a positive number, for example 0.1.");
        Check(
            WeightDecayPerStep is >= 0 and < 1, nameof(WeightDecayPerStep), WeightDecayPerStep, "Use a number from 0 up to, but not including, 1, for example 1E-5.");
    }
}
