using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>A per-sample loss of the logits, with the derivatives that natural-gradient methods need.</summary>
/// <remarks>Losses are summed over a sample's label positions and never divided by the number of samples.</remarks>
internal interface IObjective
{
    /// <summary>Computes each sample's loss.</summary>
    /// <param name="logits">Logits z, [N, C] or [N, T, C]; not modified.</param>
    /// <param name="labels">Labels, [N] or [N, T]: classes in int64, or numbers in float64.</param>
    /// <returns>Losses ℓ, [N], float64; owned by the caller.</returns>
    Tensor Losses(Tensor logits, Tensor labels);

    /// <summary>Computes ∂ℓ/∂z without cancellation.</summary>
    /// <param name="logits">Logits z, [N, C] or [N, T, C]; not modified.</param>
    /// <param name="labels">Labels, [N] or [N, T].</param>
    /// <returns>∂ℓ_n/∂z_n, shaped like <paramref name="logits"/>, float64; owned by the caller.</returns>
    Tensor LogitGradients(Tensor logits, Tensor labels);

    /// <summary>Computes H u with H_n = ∂²ℓ_n/∂z_n², which is the Fisher matrix of the predictive distribution in the logits.</summary>
    /// <param name="logits">Logits z, [N, C] or [N, T, C]; not modified.</param>
    /// <param name="labels">Labels, [N] or [N, T]; only which positions are ignored matters.</param>
    /// <param name="tangents">u, shaped like <paramref name="logits"/>.</param>
    /// <returns>H u, shaped like <paramref name="logits"/>, float64; owned by the caller.</returns>
    Tensor TimesHessian(Tensor logits, Tensor labels, Tensor tangents);

    /// <summary>Factors H_n = S_n S_nᵀ and writes the logit gradient as S_n c_n.</summary>
    /// <param name="logits">Logits z, [N, C] or [N, T, C]; not modified.</param>
    /// <param name="labels">Labels, [N] or [N, T].</param>
    /// <returns>S and c; the caller disposes it.</returns>
    HessianFactor FactorHessian(Tensor logits, Tensor labels);

    /// <summary>Draws labels from the model's own predictive distribution.</summary>
    /// <param name="logits">Logits z, [N, C] or [N, T, C]; not modified.</param>
    /// <param name="labels">The true labels; positions that the loss ignores stay ignored.</param>
    /// <param name="generator">Source of randomness.</param>
    /// <returns>Labels shaped like <paramref name="labels"/>; owned by the caller.</returns>
    Tensor SampleLabels(Tensor logits, Tensor labels, Generator generator);

    /// <summary>Tells which samples are predicted right.</summary>
    /// <param name="logits">Logits z, [N, C] or [N, T, C].</param>
    /// <param name="labels">Labels, [N] or [N, T].</param>
    /// <returns>Whether every label position of a sample has its largest logit at the label, [N], bool; owned by the caller. Null where labels are no classes.</returns>
    Tensor? FindCorrect(Tensor logits, Tensor labels);
}
