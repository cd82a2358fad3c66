using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>A factor with all d² entries.</summary>
/// <param name="factor">K, [d, d]; owned by the optimizer.</param>
/// <param name="change">M, [d, d]; owned by the optimizer.</param>
internal sealed class DenseShampooFactor(Tensor factor, Tensor change) : ShampooFactor
{
    private long Size => factor.shape[0];

    /// <inheritdoc/>
    public override Tensor Whiten(Tensor rows) => factor.t().mm(rows).Times(1 / Math.Sqrt(Size));

    /// <inheritdoc/>
    public override Tensor Precondition(Tensor rows) => factor.mm(factor.t().mm(rows));

    /// <inheritdoc/>
    public override double MeanDiagonal() => Math.Pow(factor.Norm() / Size, 2);

    /// <inheritdoc/>
    public override void Update(Tensor rows, double weight, double step, double momentum)
    {
        var delta = factor.t().mm(factor).Times(weight / Size); // [d, d]
        delta.AddInPlace(rows.mm(rows.t()), Size / 2.0);
        delta.AddInPlace(eye(Size, dtype: factor.dtype, device: factor.device), -0.5);
        change.AverageInPlace(delta, momentum);
        factor.AddInPlace(factor.mm(change), -step / Math.Max(1, change.Norm()));
    }
}
