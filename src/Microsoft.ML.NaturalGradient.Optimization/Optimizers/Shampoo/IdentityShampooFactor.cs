using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The factor K = I, which stays as it is: the axis is not preconditioned.</summary>
/// <param name="size">Length d of the axis.</param>
internal sealed class IdentityShampooFactor(long size) : ShampooFactor
{
    /// <inheritdoc/>
    public override Tensor Whiten(Tensor rows) => rows.Times(1 / Math.Sqrt(size));

    /// <inheritdoc/>
    public override Tensor Precondition(Tensor rows) => rows;

    /// <inheritdoc/>
    public override double MeanDiagonal() => 1.0 / size;

    /// <inheritdoc/>
    public override void Update(Tensor rows, double weight, double step, double momentum)
    {
    }
}
