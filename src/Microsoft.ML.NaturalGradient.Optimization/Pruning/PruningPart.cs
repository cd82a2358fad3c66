using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Pruning;

/// <summary>One tensor of weights that is pruned, with its Fisher matrix.</summary>
/// <param name="weights">The weights; owned by the caller.</param>
/// <param name="blockSize">Weights in one block of the matrix.</param>
internal sealed class PruningPart(Tensor weights, int blockSize) : IDisposable
{
    /// <summary>The weights.</summary>
    public Tensor Weights { get; } = weights;

    /// <summary>The Fisher matrix, inverted before saliencies are asked for.</summary>
    public BlockFisher Fisher { get; } = new(weights.numel(), blockSize, weights.device);

    /// <summary>Inverts the Fisher matrices of parts that have seen the same samples.</summary>
    /// <param name="parts">The parts.</param>
    /// <param name="relativeDamping">λ relative to the mean diagonal over all parts.</param>
    /// <exception cref="InvalidOperationException">A gradient is not finite.</exception>
    public static void Invert(IReadOnlyList<PruningPart> parts, double relativeDamping)
    {
        var diagonal = parts.Sum(part => part.Fisher.SquareSum()) / parts[0].Fisher.SampleCount / parts.Sum(part => part.Weights.numel());
        if (!double.IsFinite(diagonal))
        {
            throw new InvalidOperationException("A gradient is not finite. Look for inputs or weights that are not finite, or very large.");
        }

        foreach (var part in parts)
        {
            part.Fisher.Invert(diagonal > 0 ? relativeDamping * diagonal : 1);
        }
    }

    /// <summary>Prunes, ranking the weights of all parts together; the weight of each part that matters most always stays.</summary>
    /// <param name="parts">The parts, with inverted Fisher matrices.</param>
    /// <param name="sparsity">Fraction of all weights that is removed, as far as no part loses its last weight.</param>
    /// <param name="compensate">Whether the weights that stay are changed.</param>
    /// <returns>Which weights of each part stay, shaped like them, Boolean; in the caller's dispose scope.</returns>
    public static IReadOnlyList<Tensor> Prune(IReadOnlyList<PruningPart> parts, double sparsity, bool compensate)
    {
        using var scope = NewDisposeScope();
        var saliencies = cat([.. parts.Select(part => part.ProtectedSaliency())]); // [P]
        var wanted = Math.Round(sparsity * saliencies.shape[0], MidpointRounding.AwayFromZero);
        var count = (int)Math.Min(wanted, saliencies.shape[0] - parts.Count);
        var keep = ones_like(saliencies);
        if (count > 0)
        {
            var (_, removed) = saliencies.topk(count, largest: false);
            keep.ClearInPlace(removed);
        }

        var masks = keep.split([.. parts.Select(part => part.Weights.numel())]);
        return [.. parts.Zip(masks, (part, mask) => part.Apply(mask, compensate).MoveToOuterDisposeScope())];
    }

    /// <summary>ρ = w² / (2 [F⁻¹]_qq), [P], float64; in the caller's dispose scope.</summary>
    public Tensor Saliency()
    {
        using var scope = NewDisposeScope();
        return Flat().Square().div(Fisher.InverseDiagonal().Times(2)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => Fisher.Dispose();

    // The saliency, infinite for the largest.
    private Tensor ProtectedSaliency()
    {
        var saliency = Saliency();
        return saliency.scatter(0, saliency.argmax(0, keepdim: true), saliency.narrow(0, 0, 1).FilledWith(double.PositiveInfinity));
    }

    // Removes weights and changes the others by δ = −F⁻¹ Σ_q e_q w_q / [F⁻¹]_qq. The mask, [P] in float64, is 1 for those that stay.
    private Tensor Apply(Tensor mask, bool compensate)
    {
        using var scope = NewDisposeScope();
        var flat = Flat();
        if (compensate)
        {
            var removed = flat.mul(ones_like(mask).Minus(mask)).div(Fisher.InverseDiagonal());
            flat = flat.Minus(Fisher.InverseTimes(removed));
        }

        Weights.copy_(flat.mul(mask).view(Weights.shape));
        return mask.to(ScalarType.Bool).view(Weights.shape).MoveToOuterDisposeScope();
    }

    private Tensor Flat() => Weights.detach().to(ScalarType.Float64).flatten();
}
