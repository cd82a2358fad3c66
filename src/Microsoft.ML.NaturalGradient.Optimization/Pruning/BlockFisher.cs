using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Pruning;

/// <summary>F = (1/N) Σ_n g_n g_nᵀ restricted to blocks of consecutive weights, and the inverse of λI + F.</summary>
/// <remarks>
/// The blocks are added up and inverted at once, which gives what the recursion of Singh and Alistarh, "WoodFisher: Efficient Second-Order
/// Approximation for Neural Network Compression", NeurIPS 2020, eq. (5), gives row by row. Holds P·B numbers in float64; costs O(N·P·B + P·B²).
/// </remarks>
internal sealed class BlockFisher : IDisposable
{
    private const int BlocksAtOnce = 1024;

    private readonly Tensor _blocks; // Σ g gᵀ, then (λI + F)⁻¹: [K, B, B]
    private readonly long _weights;

    /// <summary>Starts without samples.</summary>
    /// <param name="weights">Weights P.</param>
    /// <param name="blockSize">Weights B in a block; the last block may have less.</param>
    /// <param name="device">Where the blocks are.</param>
    public BlockFisher(long weights, long blockSize, Device device)
    {
        var size = Math.Min(blockSize, weights);
        _weights = weights;
        _blocks = zeros((weights + size - 1) / size, size, size, dtype: ScalarType.Float64, device: device).DetachFromDisposeScope();
    }

    /// <summary>Samples N that were added.</summary>
    public long SampleCount { get; private set; }

    /// <summary>Adds samples.</summary>
    /// <param name="rows">Gradients g, [n, P]; not modified.</param>
    public void Add(Tensor rows)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var all = Blocks(rows); // [n, K, B]
        ForEachPart((sums, start) =>
        {
            var part = all.narrow(1, start, sums.shape[0]).transpose(0, 1).to(ScalarType.Float64); // [k, n, B]
            sums.AddInPlace(part.transpose(1, 2).bmm(part));
        });
        SampleCount += rows.shape[0];
    }

    /// <summary>Σ_n ‖g_n‖².</summary>
    public double SquareSum()
    {
        using var scope = NewDisposeScope();
        return _blocks.diagonal(0, 1, 2).sum().item<double>();
    }

    /// <summary>Replaces the sums by (λI + F)⁻¹; nothing can be added then.</summary>
    /// <param name="damping">λ, greater than zero, absolute.</param>
    public void Invert(double damping)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var shift = eye(_blocks.shape[1], dtype: ScalarType.Float64, device: _blocks.device).Times(damping);
        ForEachPart((sums, _) => sums.copy_(linalg.inv(sums.Times(1.0 / SampleCount).Plus(shift))));
    }

    /// <summary>The diagonal of the inverse.</summary>
    /// <returns>[P], float64; owned by the caller.</returns>
    public Tensor InverseDiagonal()
    {
        using var scope = NewDisposeScope();
        return _blocks.diagonal(0, 1, 2).reshape(-1).narrow(0, 0, _weights).clone().MoveToOuterDisposeScope();
    }

    /// <summary>Computes (λI + F)⁻¹ v.</summary>
    /// <param name="vector">v, [P], float64; not modified.</param>
    /// <returns>[P], float64; owned by the caller.</returns>
    public Tensor InverseTimes(Tensor vector)
    {
        using var scope = NewDisposeScope();
        var columns = Blocks(vector.unsqueeze(0))[0].unsqueeze(2); // [K, B, 1]
        return _blocks.bmm(columns).reshape(-1).narrow(0, 0, _weights).clone().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => _blocks.Dispose();

    // So that what is made on the way stays small.
    private void ForEachPart(Action<Tensor, long> use)
    {
        for (var start = 0L; start < _blocks.shape[0]; start += BlocksAtOnce)
        {
            using var scope = NewDisposeScope();
            use(_blocks.narrow(0, start, Math.Min(BlocksAtOnce, _blocks.shape[0] - start)), start);
        }
    }

    private Tensor Blocks(Tensor rows)
    {
        var (count, size) = (_blocks.shape[0], _blocks.shape[1]);
        var missing = (count * size) - _weights;
        var padded = missing == 0 ? rows : cat([rows, zeros(rows.shape[0], missing, dtype: rows.dtype, device: rows.device)], 1);
        return padded.view(rows.shape[0], count, size);
    }
}
