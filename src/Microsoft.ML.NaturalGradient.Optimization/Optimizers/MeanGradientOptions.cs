using Microsoft.ML.NaturalGradient.Numerics;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings that the methods built on the gradient of the mean loss share.</summary>
public abstract record MeanGradientOptions : OptimizerOptions
{
    private protected MeanGradientOptions()
    {
    }

    /// <summary>Largest norm of the gradient of all parameters together; a longer gradient is shortened to it before the method sees it.</summary>
    /// <remarks>g ← g · min(1, c/‖g‖). Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013, algorithm 1.</remarks>
    /// <value>Greater than zero, or <see langword="null"/> (the default) for no limit.</value>
    public double? GradientClipNorm { get; init; }

    /// <summary>Whether the step is scaled so that its length is the learning rate, whatever the length of the method's own step.</summary>
    /// <remarks>Δθ ← η Δθ/‖Δθ‖, over all parameters together; the method's own weight decay is part of Δθ. Costs a copy of the parameters.</remarks>
    /// <value>The default is <see langword="false"/>.</value>
    public bool NormalizeUpdate { get; init; }

    internal override void Validate()
    {
        base.Validate();
        if (GradientClipNorm is { } norm)
        {
            Check(SingleRange.IsPositive(norm), nameof(GradientClipNorm), norm, "Use a positive number, or null for no limit.");
        }
    }

    private protected static void CheckDecayRate(double value, string name) =>
        Check(value is >= 0 and < 1, name, value, "Use a number from 0 up to, but not including, 1.");

    private protected static void CheckPositive(double value, string name) =>
        Check(SingleRange.IsPositive(value), name, value, "Use a positive number.");

    private protected static void CheckNotNegative(double value, string name) =>
        Check(SingleRange.IsNotNegative(value), name, value, "Use zero or a positive number.");
}
