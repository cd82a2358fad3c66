using Microsoft.ML.NaturalGradient.Numerics;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings that the methods share which solve a damped natural-gradient system on each batch.</summary>
public abstract record NaturalGradientOptions : OptimizerOptions
{
    private const double LeastDampingOfRoundedSums = 1e-3;

    private protected NaturalGradientOptions()
    {
    }

    /// <summary>Damping λ added to the diagonal of the Gram matrix, relative to its mean diagonal unless the method says otherwise.</summary>
    /// <value>Zero or greater; each method states its default.</value>
    public double Damping { get; init; }

    /// <summary>Whether damping hides how a Gram matrix is rounded: see <see cref="PerSampleGradients.IPerSampleGradients.JointGram"/>.</summary>
    internal virtual bool IsDamped => Damping >= LeastDampingOfRoundedSums;

    /// <summary>Whether the update is scaled to unit length before the learning rate is applied, as the paper does for EF and SF.</summary>
    /// <value>Each method states its default. Without effect with <see cref="AutomaticStep"/>.</value>
    public bool NormalizeUpdate { get; init; }

    /// <summary>Measures the step length on the batch instead of taking the learning rate for it, for example <c>new AutomaticStep()</c>.</summary>
    /// <value>
    /// <see langword="null"/> (the default) for none. Otherwise the learning rate, 1 unless set, and the schedule multiply the measured length.
    /// </value>
    public AutomaticStep? AutomaticStep { get; init; }

    /// <summary>The learning rate of updates whose length is not measured.</summary>
    /// <param name="classCount">Number of classes C.</param>
    private protected abstract double FixedLearningRate(int classCount);

    private protected sealed override double DefaultLearningRate(int classCount) => AutomaticStep is null ? FixedLearningRate(classCount) : 1;

    internal override void Validate()
    {
        base.Validate();
        AutomaticStep?.Validate();
        Check(SingleRange.IsNotNegative(Damping), nameof(Damping), Damping, "Use zero or a positive number, for example 0.1.");
    }
}
