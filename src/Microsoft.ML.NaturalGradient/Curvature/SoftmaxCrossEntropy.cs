using TorchSharp;
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
    public const long IgnoredLabel = -100;

    private static readonly Scalar Zero = 0;
    private static readonly Scalar Ignored = IgnoredLabel;

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
        var probabilities = nn.functional.softmax(logits.to(ScalarType.Float64), -1); // [N, (T,) C]
        var (index, counts) = Positions(labels);
        var others = probabilities.scatter(-1, index, zeros_like(probabilities)); // [N, (T,) C], true class zero
        var target = others.sum(-1, keepdim: true).neg(); // [N, (T,) 1]
        return others.scatter(-1, index, target).mul(counts.unsqueeze(-1)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor SampleLabels(Tensor logits, Tensor labels, Generator generator)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var probabilities = nn.functional.softmax(logits.to(ScalarType.Float64), -1);
        var classCount = probabilities.shape[^1];
        // Inverse-transform sampling: the same draw on every device and library version, given the uniform numbers.
        var uniform = rand([.. labels.shape, 1], dtype: ScalarType.Float64, generator: generator).to(logits.device);
        var drawn = probabilities.cumsum(-1).lt(uniform).sum(-1, type: ScalarType.Int64); // [N, (T)]
        using Scalar last = classCount - 1;
        drawn = drawn.clamp_max(last);
        GC.KeepAlive(last);
        return drawn.where(labels.ne(Ignored), labels).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public long? CountCorrect(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var right = logits.argmax(-1).eq(labels).logical_or(labels.eq(Ignored)); // [N, (T)]
        while (right.dim() > 1)
        {
            right = right.all(-1);
        }

        return right.sum().item<long>();
    }

    // The label positions as a gather index, and 1 where they count, 0 where they are ignored.
    private static (Tensor Index, Tensor Counts) Positions(Tensor labels)
    {
        var counts = labels.ne(Ignored).to(ScalarType.Float64); // [N, (T)]
        return (labels.clamp_min(Zero).unsqueeze(-1), counts);
    }

    private static Tensor SumPerSample(Tensor values) => values.dim() == 1 ? values : values.flatten(1).sum(1);
}
