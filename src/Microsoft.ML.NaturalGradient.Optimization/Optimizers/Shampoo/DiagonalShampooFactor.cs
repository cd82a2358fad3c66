using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>A diagonal factor, for long axes: what is off the diagonal of Δ is dropped.</summary>
/// <param name="factor">Diagonal of K, [d]; owned by the optimizer.</param>
/// <param name="change">Diagonal of M, [d]; owned by the optimizer.</param>
internal sealed class DiagonalShampooFactor(Tensor factor, Tensor change) : ShampooFactor
{
    private long Size => factor.shape[0];

    /// <inheritdoc/>
    public override Tensor Whiten(Tensor rows) => rows.mul(factor.unsqueeze(1)).Times(1 / Math.Sqrt(Size));

    /// <inheritdoc/>
    public override Tensor Precondition(Tensor rows) => rows.mul(factor.Square().unsqueeze(1));

    /// <inheritdoc/>
    public override double MeanDiagonal() => Math.Pow(factor.Norm() / Size, 2);

    /// <inheritdoc/>
    public override void Update(Tensor rows, double weight, double step, double momentum)
    {
        var delta = factor.Square().Times(weight / Size).Plus(-0.5); // [d]
        delta.AddInPlace(rows.Square().sum(1), Size / 2.0);
        change.AverageInPlace(delta, momentum);
        factor.AddInPlace(factor.mul(change), -step / Math.Max(1, change.Norm()));
    }
}
