using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>Cross-entropy of independent yes-no decisions, summed over a sample's outputs: ℓ_n = Σ_c log(1 + exp(−σ_nc z_nc)), σ = 1 where the label is 1, −1 where it is 0.</summary>
/// <remarks>
/// The negative log-likelihood of Bernoulli distributions with p = 1/(1 + exp(−z)). The gradient p − y is computed as −σ/(1 + exp(σ z)), which does not cancel to zero for confident
/// outputs. Everything is computed in float64.
/// </remarks>
internal sealed class BinaryCrossEntropy : IObjective
{
    private const double SmallestVariance = 1e-40; // its root is far from the end of single precision

    /// <inheritdoc/>
    public Tensor Losses(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return nn.functional.logsigmoid(Signed(logits, labels)).sum(1).neg().MoveToOuterDisposeScope(); // [N]
    }

    /// <inheritdoc/>
    public Tensor LogitGradients(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Signed(logits, labels).neg().sigmoid().mul(Signs(labels)).neg().MoveToOuterDisposeScope(); // [N, C]
    }

    /// <inheritdoc/>
    /// <remarks>H = diag(p (1 − p)).</remarks>
    public Tensor TimesHessian(Tensor logits, Tensor labels, Tensor tangents)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Variances(logits).mul(tangents.to(ScalarType.Float64)).MoveToOuterDisposeScope(); // [N, C]
    }

    /// <inheritdoc/>
    /// <remarks>S = diag(√(p (1 − p))), one column for each output. Variances below 1E-40 count as that in c, which would not be finite without.</remarks>
    public HessianFactor FactorHessian(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var variances = Variances(logits); // [N, C]
        var columns = diag_embed(variances.sqrt()).permute(2, 0, 1).contiguous(); // [C, N, C]
        var coefficients = LogitGradients(logits, labels).div(variances.AtLeast(SmallestVariance).sqrt()); // [N, C]
        return new HessianFactor(columns, coefficients.t().contiguous());
    }

    /// <inheritdoc/>
    public Tensor SampleLabels(Tensor logits, Tensor labels, Generator generator)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var uniform = rand(labels.shape, dtype: ScalarType.Float64, generator: generator).to(logits.device);
        return uniform.lt(logits.to(ScalarType.Float64).sigmoid()).to(labels.dtype).MoveToOuterDisposeScope(); // [N, C]
    }

    /// <inheritdoc/>
    /// <remarks>Samples whose every output is on the right side of zero.</remarks>
    public Tensor? FindCorrect(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return logits.GreaterThan(0L).eq(labels.GreaterThan(0.5)).all(1).MoveToOuterDisposeScope(); // [N]
    }

    private static Tensor Signs(Tensor labels) => labels.to(ScalarType.Float64).Times(2).Plus(-1.0); // [N, C]

    private static Tensor Signed(Tensor logits, Tensor labels) => logits.to(ScalarType.Float64).mul(Signs(labels)); // [N, C]

    private static Tensor Variances(Tensor logits)
    {
        var typed = logits.to(ScalarType.Float64);
        return typed.sigmoid().mul(typed.neg().sigmoid()); // [N, C]
    }
}
