using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>How far the cosines between a row's vector and those of the other rows of the batch are from 1 for rows of its class and from 0 for others.</summary>
/// <remarks>
/// ℓ_n = ¼ mean_{m of n's class} (v_n·v_m − 1)² + ¼ mean_{m of another} (v_n·v_m)², of vectors v of length 1, without n itself; a row that has only one kind of others counts that twice. The
/// others' vectors count as given: so a row's loss depends on its own vector alone, as natural-gradient methods need, and the sum of these gradients is half that of the loss of all pairs, which
/// has the same minimum. The pairs are those of SetFit (Tunstall et al., 2022, arXiv 2209.11055), all of them at once. For full batches.
/// </remarks>
internal sealed class ClassPairs : IObjective
{
    /// <summary>The classes for which an optimizer's default learning rate suits this loss: iEF's is 1, one step of gradient descent where its curvature is 1.</summary>
    public const int EquivalentClassCount = 2;

    /// <summary>The loss where all vectors are alike.</summary>
    public const double GuessLoss = 0.25;

    /// <inheritdoc/>
    public Tensor Losses(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (_, residuals, weights) = Pairs(logits, labels);
        return residuals.Square().mul(weights).sum(1).Times(0.5).MoveToOuterDisposeScope(); // [N]
    }

    /// <inheritdoc/>
    public Tensor LogitGradients(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (vectors, residuals, weights) = Pairs(logits, labels);
        return residuals.mul(weights).mm(vectors).MoveToOuterDisposeScope(); // [N, D]
    }

    /// <inheritdoc/>
    /// <remarks>H_n = Σ_m w_nm v_m v_mᵀ.</remarks>
    public Tensor TimesHessian(Tensor logits, Tensor labels, Tensor tangents)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (vectors, _, weights) = Pairs(logits, labels);
        return tangents.to(ScalarType.Float64).mm(vectors.t()).mul(weights).mm(vectors).MoveToOuterDisposeScope(); // [N, D]
    }

    /// <inheritdoc/>
    /// <remarks>Column m of S_n is √w_nm v_m, and c_nm = √w_nm times how far the cosine is from what it should be.</remarks>
    public HessianFactor FactorHessian(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (vectors, residuals, weights) = Pairs(logits, labels);
        var roots = weights.sqrt();
        return new HessianFactor(roots.t().unsqueeze(2).mul(vectors.unsqueeze(1)), residuals.mul(roots).t().contiguous()); // [N, N, D], [N, N]
    }

    /// <inheritdoc/>
    public Tensor SampleLabels(Tensor logits, Tensor labels, Generator generator) => throw new NotSupportedException(
        "FewShot compares pairs of rows, which have no distribution to draw labels from as this optimizer does. Use Ief, Ef, Ng or AdamW, or set FewShot to false.");

    /// <inheritdoc/>
    public Tensor? FindCorrect(Tensor logits, Tensor labels) => null;

    // v [N, D]; cosines less what they should be, and the weights of pairs, [N, N], which add up to 1 for a row.
    private static (Tensor Vectors, Tensor Residuals, Tensor Weights) Pairs(Tensor logits, Tensor labels)
    {
        var vectors = logits.to(ScalarType.Float64);
        var same = labels.unsqueeze(0).eq(labels.unsqueeze(1)).to(ScalarType.Float64); // [N, N]
        var other = ones_like(same).Minus(same);
        var partners = same.Minus(eye(same.shape[0], dtype: ScalarType.Float64, device: same.device));
        var weights = Shares(partners).Plus(Shares(other));
        return (vectors, vectors.mm(vectors.t()).Minus(same), weights.div(weights.sum(1, keepdim: true).AtLeast(1e-12)));
    }

    private static Tensor Shares(Tensor pairs) => pairs.div(pairs.sum(1, keepdim: true).AtLeast(1.0));
}
