namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings of <see cref="FisherPruning"/>.</summary>
public sealed record PruningOptions
{
    /// <summary>Which Fisher matrix is used.</summary>
    /// <value>The default is <see cref="PruningFisher.Ief"/>.</value>
    public PruningFisher Fisher { get; init; }

    /// <summary>Weights in one diagonal block of the Fisher matrix; memory is this times the number of weights, in float64.</summary>
    /// <value>At least 1. The default is 50.</value>
    public int BlockSize { get; init; } = 50;

    /// <summary>Damping λ of the Fisher matrix, relative to its mean diagonal.</summary>
    /// <value>Greater than zero. The default is 0.01.</value>
    public double Damping { get; init; } = 1e-2;

    /// <summary>Whether the weights that stay are changed to make up for those removed.</summary>
    /// <value>The default is <see langword="true"/>.</value>
    public bool Compensate { get; init; } = true;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BlockSize, 1);
        if (!(Damping > 0 && double.IsFinite(Damping)))
        {
            throw new ArgumentOutOfRangeException(
                nameof(Damping), FormattableString.Invariant($"{nameof(Damping)} is {Damping}. Use a positive number, for example 0.01."));
        }

        if (!Enum.IsDefined(Fisher))
        {
            throw new ArgumentOutOfRangeException(nameof(Fisher), Fisher, "Use a member of PruningFisher.");
        }
    }
}
