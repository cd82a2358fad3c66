namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings that the empirical and the improved empirical Fisher share.</summary>
public abstract record EmpiricalFisherOptions : NaturalGradientOptions
{
    private protected EmpiricalFisherOptions()
    {
    }

    /// <summary>Momentum μ in the manner of SPRING: the last update is kept as far as the batch does not contradict it.</summary>
    /// <remarks>
    /// φ ← μφ + Rᵀ(RRᵀ + λI)⁻¹(t − μRφ) with rows R and target t of the method. Goldshlager, Abrahamsen and Lin, "A Kaczmarz-inspired
    /// approach to accelerate the optimization of neural network wavefunctions", Journal of Computational Physics 516, 2024. It keeps one more
    /// copy of the trainable weights.
    /// </remarks>
    /// <value>From 0 up to, but not including, 1. The default is 0: none.</value>
    public double Momentum { get; init; }

    /// <summary>Largest η/(1 − μ) with <see cref="Momentum"/>; a larger learning rate is lowered, since the method diverges near 4.</summary>
    /// <value>Greater than zero; positive infinity for no limit. The default is 2.5. Without effect on updates of unit length.</value>
    public double MomentumGuard { get; init; } = 2.5;

    /// <summary>Largest |cosine| of two per-sample gradients that are both used; of a closer pair the shorter one is left out.</summary>
    /// <value>
    /// Between 0 and 1. <see langword="null"/> (the default) keeps all. The code that accompanies the paper uses 0.99 in training and 0.95 in
    /// evaluation; the paper does not mention it, and the solve here does not need it. A row that stands twice is left out once, while one of weight 2 counts twice.
    /// </value>
    public double? DuplicateThreshold { get; init; }

    internal override void Validate()
    {
        base.Validate();
        Check(Momentum is >= 0 and < 1, nameof(Momentum), Momentum, "Use a number from 0 up to, but not including, 1, for example 0.5.");
        Check(MomentumGuard > 0, nameof(MomentumGuard), MomentumGuard, "Use a positive number, for example 2.5.");
        if (DuplicateThreshold is { } threshold)
        {
            Check(threshold is > 0 and < 1, nameof(DuplicateThreshold), threshold, "Use a number between 0 and 1, for example 0.99, or null.");
        }
    }
}
