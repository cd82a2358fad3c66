using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>Softmax cross-entropy, summed over a sample's label positions; label −100 is ignored.</summary>
/// <remarks>
/// ℓ_n = −Σ_t log p(y_nt). The gradient of the true class is −Σ_{c≠y} p_c rather than p_y − 1, which would cancel to zero
/// for confident samples: exactly those that EF divides by. Everything is computed in float64 on the N·T·C logits.
/// </remarks>
internal sealed class SoftmaxCrossEntropy : IObjective
{
    /// <summary>The label of a position that does not count.</summary>
    public const long IgnoredLabel = (long)RowLabel.Filling;

    private const double SmallestProbability = 1e-40; // its root is far from the end of single precision

    /// <inheritdoc/>
    public Tensor Losses(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var logProbabilities = nn.functional.log_softmax(logits.to(ScalarType.Float64), -1); // [N, (T,) C]
        var (index, counts) = Positions(labels);
        var losses = logProbabilities.gather(-1, index).squeeze(-1).neg().mul(counts); // [N, (T)]
        return SumPerSample(losses).MoveToOuterDisposeScope(); // [N]
    }

    /// <inheritdoc/>
    public Tensor LogitGradients(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var probabilities = Probabilities(logits); // [N, (T,) C]
        var (index, counts) = Positions(labels);
        var others = probabilities.scatter(-1, index, zeros_like(probabilities)); // [N, (T,) C], true class zero
        var target = others.sum(-1, keepdim: true).neg(); // [N, (T,) 1]
        return others.scatter(-1, index, target).mul(counts.unsqueeze(-1)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <remarks>H = diag(p) − p pᵀ at every label position.</remarks>
    public Tensor TimesHessian(Tensor logits, Tensor labels, Tensor tangents)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var probabilities = Probabilities(logits); // [N, (T,) C]
        var typed = tangents.to(ScalarType.Float64);
        // p ∘ (u − p·u): the common part of u leaves no rounding behind.
        var centred = typed.Minus(probabilities.mul(typed).sum(-1, keepdim: true));
        return probabilities.mul(centred).mul(Positions(labels).Counts.unsqueeze(-1)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    /// <remarks>
    /// S = diag(√p) − p √pᵀ and c = (p − onehot)/√p at every label position, one column for each class and position. Probabilities below
    /// 1E-40 count as that in c, which would not be finite without.
    /// </remarks>
    public HessianFactor FactorHessian(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var probabilities = Probabilities(logits); // [N, (T,) C]
        var roots = probabilities.sqrt();
        var counts = Positions(labels).Counts.unsqueeze(-1); // [N, (T,) 1]
        var coefficients = LogitGradients(logits, labels).div(probabilities.AtLeast(SmallestProbability).sqrt()); // [N, (T,) C]
        var (samples, classes) = (logits.shape[0], logits.shape[^1]);
        var columns = new List<Tensor>();
        for (var position = 0L; position < logits.numel() / (samples * classes); position++)
        {
            for (var k = 0L; k < classes; k++)
            {
                columns.Add(Column(probabilities, roots, counts, position, k));
            }
        }

        return new HessianFactor(stack(columns), coefficients.reshape(samples, -1).t().contiguous());
    }

    /// <inheritdoc/>
    public Tensor SampleLabels(Tensor logits, Tensor labels, Generator generator)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var probabilities = Probabilities(logits);
        var classCount = probabilities.shape[^1];
        // Inverse-transform sampling: the same draw on every device and library version, given the uniform numbers.
        var uniform = rand([.. labels.shape, 1], dtype: ScalarType.Float64, generator: generator).to(logits.device);
        var drawn = probabilities.cumsum(-1).lt(uniform).sum(-1, type: ScalarType.Int64); // [N, (T)]
        return drawn.AtMost(classCount - 1).where(labels.NotEqualTo(IgnoredLabel), labels).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor? FindCorrect(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var right = logits.argmax(-1).eq(labels).logical_or(labels.EqualTo(IgnoredLabel)); // [N, (T)]
        while (right.dim() > 1)
        {
            right = right.all(-1);
        }

        return right.MoveToOuterDisposeScope(); // [N]
    }

    private static Tensor Probabilities(Tensor logits) => nn.functional.softmax(logits.to(ScalarType.Float64), -1); // [N, (T,) C]

    // Column (t, k) of S: √p_k (e_k − p) at position t, zero at the others, [N, (T,) C].
    private static Tensor Column(Tensor probabilities, Tensor roots, Tensor counts, long position, long k)
    {
        using var scope = NewDisposeScope();
        var classes = probabilities.shape[^1];
        var column = zeros_like(probabilities).view(probabilities.shape[0], -1, classes); // [N, T, C]
        var root = roots.view(column.shape).narrow(1, position, 1).narrow(2, k, 1); // [N, 1, 1]
        var here = column.narrow(1, position, 1); // [N, 1, C]
        here.narrow(2, k, 1).AddInPlace(root);
        here.AddInPlace(probabilities.view(column.shape).narrow(1, position, 1).mul(root), -1);
        return column.view(probabilities.shape).mul(counts).MoveToOuterDisposeScope();
    }

    // The label positions as a gather index, and 1 where they count, 0 where they are ignored.
    private static (Tensor Index, Tensor Counts) Positions(Tensor labels)
    {
        var counts = labels.NotEqualTo(IgnoredLabel).to(ScalarType.Float64); // [N, (T)]
        return (labels.AtLeast(0).unsqueeze(-1), counts);
    }

    private static Tensor SumPerSample(Tensor values) => values.dim() == 1 ? values : values.flatten(1).sum(1);
}
