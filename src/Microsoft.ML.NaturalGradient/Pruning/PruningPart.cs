using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Pruning;

/// <summary>One tensor of weights that is pruned, with the inverse of its Fisher matrix.</summary>
internal sealed class PruningPart : IDisposable
{
    private readonly BlockInverseFisher _inverse;

    /// <summary>Starts without samples.</summary>
    /// <param name="weights">The weights; owned by the caller.</param>
    /// <param name="samples">Samples N that will be added in all.</param>
    /// <param name="blockSize">Weights in one block.</param>
    /// <param name="damping">λ, absolute.</param>
    public PruningPart(Tensor weights, long samples, int blockSize, double damping)
    {
        Weights = weights;
        _inverse = new BlockInverseFisher(weights.numel(), samples, blockSize, damping, weights.device);
    }

    /// <summary>The weights.</summary>
    public Tensor Weights { get; }

    /// <summary>Adds samples.</summary>
    /// <param name="rows">Scaled gradients, [n, P].</param>
    public void Add(Tensor rows) => _inverse.Add(rows);

    /// <summary>ρ = w² / (2 [F⁻¹]_qq), [P], float64; in the caller's dispose scope.</summary>
    public Tensor Saliency()
    {
        using var scope = NewDisposeScope();
        return Flat().square().div(_inverse.Diagonal().Times(2)).MoveToOuterDisposeScope();
    }

    /// <summary>Removes weights and changes the others by δ = −F⁻¹ Σ_q e_q w_q / [F⁻¹]_qq.</summary>
    /// <param name="mask">1 for the weights that stay, 0 for the others, [P], float64.</param>
    /// <param name="compensate">Whether the others are changed.</param>
    /// <returns>Which weights stay, shaped like them, Boolean; in the caller's dispose scope.</returns>
    public Tensor Apply(Tensor mask, bool compensate)
    {
        using var scope = NewDisposeScope();
        var flat = Flat();
        if (compensate)
        {
            var removed = flat.mul(ones_like(mask).Minus(mask)).div(_inverse.Diagonal());
            flat = flat.Minus(_inverse.Times(removed));
        }

        Weights.copy_(flat.mul(mask).view(Weights.shape));
        return mask.to(ScalarType.Bool).view(Weights.shape).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => _inverse.Dispose();

    private Tensor Flat() => Weights.detach().to(ScalarType.Float64).flatten();
}
