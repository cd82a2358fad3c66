using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>The weights of a damped Gram system, and how well-posed it was.</summary>
internal sealed class GramSolution(Tensor weights) : IDisposable
{
    /// <summary>One weight per sample, [N], float64; zero for dead rows.</summary>
    public Tensor Weights { get; } = weights;

    /// <summary>The damping that was finally added to the diagonal, absolute.</summary>
    public required double Damping { get; init; }

    /// <summary>Mean diagonal of the live rows, which relative damping is relative to.</summary>
    public double Scale { get; init; }

    /// <summary>How often the damping had to be multiplied by ten before the factorisation succeeded.</summary>
    public int DampingRaised { get; init; }

    /// <summary>Rows left out because their gradient or their target is zero or not finite.</summary>
    public int DeadRows { get; init; }

    /// <summary>Directions kept; less than the live rows only when small eigenvalues were dropped.</summary>
    public int Rank { get; init; }

    /// <summary>Estimated condition number of the damped matrix over the live rows (of the kept directions).</summary>
    public double Condition { get; init; }

    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();
}
