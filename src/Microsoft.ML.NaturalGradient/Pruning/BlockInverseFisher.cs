using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Pruning;

/// <summary>The inverse of F = λI + (1/N) Σ_n g_n g_nᵀ, restricted to blocks of consecutive weights; built up row by row.</summary>
/// <remarks>
/// F⁻¹ ← F⁻¹ − (F⁻¹g)(F⁻¹g)ᵀ / (N + gᵀF⁻¹g) from F⁻¹ = I/λ (Sherman and Morrison). Singh and Alistarh, "WoodFisher: Efficient Second-Order
/// Approximation for Neural Network Compression", NeurIPS 2020, eq. (5) and section 3. Holds P·B numbers in float64; cost O(N·P·B).
/// </remarks>
internal sealed class BlockInverseFisher : IDisposable
{
    private readonly Tensor _inverse; // [K, B, B]
    private readonly long _weights;
    private readonly long _samples;

    /// <summary>Starts at I/λ.</summary>
    /// <param name="weights">Weights P.</param>
    /// <param name="samples">Rows N that will be added in all.</param>
    /// <param name="blockSize">Weights B in a block; the last block may have less.</param>
    /// <param name="damping">λ, greater than zero, absolute.</param>
    /// <param name="device">Where the blocks are.</param>
    public BlockInverseFisher(long weights, long samples, long blockSize, double damping, Device device)
    {
        using var scope = NewDisposeScope();
        var size = Math.Min(blockSize, weights);
        (_weights, _samples) = (weights, samples);
        _inverse = eye(size, dtype: ScalarType.Float64, device: device).Times(1 / damping)
            .unsqueeze(0).repeat((weights + size - 1) / size, 1, 1).DetachFromDisposeScope();
    }

    /// <summary>Adds samples.</summary>
    /// <param name="rows">Gradients g, [n, P]; not modified.</param>
    public void Add(Tensor rows)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var blocks = Blocks(rows.to(ScalarType.Float64)); // [n, K, B]
        for (var n = 0L; n < blocks.shape[0]; n++)
        {
            using var rowScope = NewDisposeScope();
            var gradient = blocks[n].unsqueeze(2); // [K, B, 1]
            var moved = _inverse.bmm(gradient); // [K, B, 1]
            var denominator = gradient.mul(moved).sum(1, keepdim: true).Plus(_samples); // [K, 1, 1]
            _inverse.AddInPlace(moved.div(denominator).bmm(moved.transpose(1, 2)), -1);
        }
    }

    /// <summary>The diagonal of F⁻¹.</summary>
    /// <returns>[P], float64; owned by the caller.</returns>
    public Tensor Diagonal()
    {
        using var scope = NewDisposeScope();
        return _inverse.diagonal(0, 1, 2).reshape(-1).narrow(0, 0, _weights).clone().MoveToOuterDisposeScope();
    }

    /// <summary>Computes F⁻¹ v.</summary>
    /// <param name="vector">v, [P], float64; not modified.</param>
    /// <returns>[P], float64; owned by the caller.</returns>
    public Tensor Times(Tensor vector)
    {
        using var scope = NewDisposeScope();
        var blocks = Blocks(vector.unsqueeze(0))[0].unsqueeze(2); // [K, B, 1]
        return _inverse.bmm(blocks).reshape(-1).narrow(0, 0, _weights).clone().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => _inverse.Dispose();

    private Tensor Blocks(Tensor rows)
    {
        var (count, size) = (_inverse.shape[0], _inverse.shape[1]);
        var missing = (count * size) - _weights;
        var padded = cat([rows, zeros(rows.shape[0], missing, dtype: rows.dtype, device: rows.device)], 1);
        return padded.view(rows.shape[0], count, size);
    }
}
