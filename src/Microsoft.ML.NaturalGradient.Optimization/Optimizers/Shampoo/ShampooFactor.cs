using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The factor K of one axis: K Kᵀ approximates the inverse of that axis's part of the curvature.</summary>
internal abstract class ShampooFactor
{
    /// <summary>Computes Kᵀ X/√d.</summary>
    /// <param name="rows">X, [d, ...]; not modified.</param>
    /// <returns>[d, ...].</returns>
    public abstract Tensor Whiten(Tensor rows);

    /// <summary>Computes K Kᵀ X.</summary>
    /// <inheritdoc cref="Whiten"/>
    public abstract Tensor Precondition(Tensor rows);

    /// <summary>Computes τ, the mean diagonal of R = KᵀK/d.</summary>
    public abstract double MeanDiagonal();

    /// <summary>Δ = weight·R + (d/2) X Xᵀ − I/2; M ← momentum·M + (1 − momentum)Δ; K ← K − step/max(1, ‖M‖) K M.</summary>
    /// <param name="rows">X, whitened on every axis, [d, ...]; not modified.</param>
    /// <param name="weight">Damping times the other axes' part.</param>
    /// <param name="step">Step β₂.</param>
    /// <param name="momentum">Momentum α₂.</param>
    public abstract void Update(Tensor rows, double weight, double step, double momentum);
}
