using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>Half the squared error of one output: ℓ_n = ½ (z_n − y_n)².</summary>
/// <remarks>
/// The negative log-likelihood of a normal distribution with variance 1 around z, up to a constant. Its Hessian in z is 1, so F* of iEF is
/// the Fisher matrix itself and iEF the exact natural gradient (Wu et al., NeurIPS 2024, App. B). Everything is computed in float64.
/// </remarks>
internal sealed class SquaredError : IObjective
{
    /// <inheritdoc/>
    public Tensor Losses(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Residuals(logits, labels).Square().Times(0.5).sum(1).MoveToOuterDisposeScope(); // [N]
    }

    /// <inheritdoc/>
    public Tensor LogitGradients(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Residuals(logits, labels).MoveToOuterDisposeScope(); // [N, 1]
    }

    /// <inheritdoc/>
    public Tensor TimesHessian(Tensor logits, Tensor labels, Tensor tangents)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return tangents.to(ScalarType.Float64).clone().MoveToOuterDisposeScope(); // H = 1
    }

    /// <inheritdoc/>
    public HessianFactor FactorHessian(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var residuals = Residuals(logits, labels); // [N, 1]
        return new HessianFactor(ones_like(residuals).unsqueeze(0), residuals.clone().squeeze(1).unsqueeze(0));
    }

    /// <inheritdoc/>
    public Tensor SampleLabels(Tensor logits, Tensor labels, Generator generator)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var noise = randn(labels.shape, dtype: ScalarType.Float64, generator: generator).to(logits.device); // [N]
        return logits.to(ScalarType.Float64).squeeze(1).Plus(noise).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor? FindCorrect(Tensor logits, Tensor labels) => null;

    private static Tensor Residuals(Tensor logits, Tensor labels) => logits.to(ScalarType.Float64).Minus(labels.unsqueeze(1)); // [N, 1]
}
