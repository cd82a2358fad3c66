using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Pruning;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Sets the weights to zero that the loss can do without, and changes the others to make up for them.</summary>
/// <remarks>
/// ρ_q = w_q² / (2 [F⁻¹]_qq) is the increase of the loss, to second order, when w_q is removed and the others move by
/// δ = −w_q F⁻¹e_q / [F⁻¹]_qq. The weights with the smallest ρ are removed at once and their δ are added up. F is the empirical Fisher matrix in blocks
/// (Singh and Alistarh, "WoodFisher", NeurIPS 2020, eqs. (10) and (11)) or the improved one (Wu et al., NeurIPS 2024, App. D.2.3). Its factor 1/N and the
/// relative damping make neither depend on the scale of the loss. Here the gradients are given; <see cref="NetworkPruner"/> takes them from a network.
/// </remarks>
public static class FisherPruning
{
    private const double SmallestSquaredNorm = 1e-30;

    /// <summary>Computes the saliency ρ of every weight.</summary>
    /// <param name="weights">Weights w, of any shape; not modified.</param>
    /// <param name="gradients">Gradient of each sample's own loss, [N, shape of the weights]; not modified.</param>
    /// <param name="squaredLogitNorms">s_n = ‖∂ℓ_n/∂z_n‖², [N]; only read for <see cref="PruningFisher.Ief"/>.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>ρ, shaped like the weights, float64; owned by the caller.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit together, weights are not finite floating-point numbers, or a squared norm is negative or not finite.</exception>
    /// <exception cref="InvalidOperationException">A gradient is not finite.</exception>
    public static Tensor Saliency(Tensor weights, Tensor gradients, Tensor squaredLogitNorms, PruningOptions? options = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var part = PrepareOne(weights, gradients, squaredLogitNorms, options ?? new());
        return part.Saliency().view(weights.shape).MoveToOuterDisposeScope();
    }

    /// <summary>Prunes weights in place.</summary>
    /// <param name="weights">Weights w, of any shape; modified.</param>
    /// <param name="gradients">Gradient of each sample's own loss, [N, shape of the weights]; not modified.</param>
    /// <param name="squaredLogitNorms">s_n = ‖∂ℓ_n/∂z_n‖², [N]; only read for <see cref="PruningFisher.Ief"/>.</param>
    /// <param name="sparsity">Fraction of the weights that is removed, from 0 up to, but not including, 1; no tensor of weights loses its last one.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>Which weights stay, shaped like them, Boolean; owned by the caller.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit together, weights are not finite floating-point numbers, or a squared norm is negative or not finite.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The sparsity or an option is out of range.</exception>
    /// <exception cref="InvalidOperationException">A gradient is not finite; nothing is changed then.</exception>
    public static Tensor Prune(Tensor weights, Tensor gradients, Tensor squaredLogitNorms, double sparsity, PruningOptions? options = null)
    {
        options ??= new();
        CheckSparsity(sparsity);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var part = PrepareOne(weights, gradients, squaredLogitNorms, options);
        return PruningPart.Prune([part], sparsity, options.Compensate)[0].MoveToOuterDisposeScope();
    }

    /// <summary>Throws when a sparsity is out of range.</summary>
    internal static void CheckSparsity(double sparsity) => SettingCheck.Require(
        sparsity is >= 0 and < 1, nameof(sparsity), sparsity, "Use a number from 0 up to, but not including, 1, for example 0.5.", "The ");

    /// <summary>Scales a sample's gradient as the Fisher matrix asks for: by 1/√s for iEF; zero for samples without a logit gradient.</summary>
    internal static Tensor Scaled(Tensor rows, Tensor squaredLogitNorms, PruningFisher fisher)
    {
        if (fisher == PruningFisher.Ef)
        {
            return rows;
        }

        var squares = squaredLogitNorms.to(ScalarType.Float64);
        var alive = squares.gt(squares.FilledWith(SmallestSquaredNorm));
        var scale = squares.where(alive, ones_like(squares)).rsqrt().mul(alive); // [N]
        return rows.to(ScalarType.Float64).mul(scale.unsqueeze(1));
    }

    private static PruningPart PrepareOne(Tensor weights, Tensor gradients, Tensor squaredLogitNorms, PruningOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(gradients);
        ArgumentNullException.ThrowIfNull(squaredLogitNorms);
        options.Validate();
        if (!weights.is_floating_point() || weights.numel() == 0 || !weights.isfinite().all().item<bool>())
        {
            throw new ArgumentException(
                $"The weights have the shape {MessageText.Shape(weights.shape)} and the type {weights.dtype}. Give at least one, and finite floating-point numbers.", nameof(weights));
        }

        if (gradients.dim() != weights.dim() + 1 || !gradients.shape.AsSpan(1).SequenceEqual(weights.shape) || gradients.shape[0] == 0)
        {
            throw new ArgumentException(
                $"The gradients have the shape {MessageText.Shape(gradients.shape)}; expected [N, {string.Join(", ", weights.shape)}] with N of at least 1. "
                + "Give one gradient, shaped like the weights, for each sample.", nameof(gradients));
        }

        if (options.Fisher == PruningFisher.Ief && (squaredLogitNorms.dim() != 1 || squaredLogitNorms.shape[0] != gradients.shape[0]))
        {
            throw new ArgumentException(
                $"The squared norms have the shape {MessageText.Shape(squaredLogitNorms.shape)}; expected [{gradients.shape[0]}]. Give one number for each sample.",
                nameof(squaredLogitNorms));
        }

        if (options.Fisher == PruningFisher.Ief && !squaredLogitNorms.isfinite().logical_and(squaredLogitNorms.abs().eq(squaredLogitNorms)).all().item<bool>())
        {
            throw new ArgumentException("A squared norm is negative or not a finite number. Give ‖∂ℓ_n/∂z_n‖² of each sample.", nameof(squaredLogitNorms));
        }

        var part = new PruningPart(weights, options.BlockSize);
        try
        {
            part.Fisher.Add(Scaled(gradients.reshape(gradients.shape[0], weights.numel()), squaredLogitNorms, options.Fisher));
            PruningPart.Invert([part], options.Damping);
            return part;
        }
        catch
        {
            part.Dispose();
            throw;
        }
    }
}
