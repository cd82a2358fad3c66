using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>Per-sample gradients of a batch in micro-batches, of which at most two are captured at a time; each is computed again where it is needed.</summary>
/// <remarks>A Gram matrix of B micro-batches takes B(B + 1)/2 forward and backward passes, an update or inner products B.</remarks>
/// <param name="passes">How to capture them.</param>
/// <param name="seeds">What is sent back, shaped like the logits of the batch; taken out of every dispose scope, and owned by this object.</param>
internal sealed class RecomputedGradients(IMicroBatches passes, Tensor seeds) : IPerSampleGradients
{
    private readonly Tensor _seeds = seeds.DetachFromDisposeScope();

    /// <inheritdoc/>
    public long SampleCount => _seeds.shape[0];

    /// <inheritdoc/>
    public IEnumerable<Parameter> Parameters => passes.Trained;

    /// <summary>How they are captured.</summary>
    public IMicroBatches Passes => passes;

    /// <summary>What is sent back, shaped like the logits of the batch.</summary>
    public Tensor Seeds => _seeds;

    /// <summary>Computes the inner products between the rows of several of one batch.</summary>
    /// <inheritdoc cref="IPerSampleGradients.JointGram"/>
    public static Tensor JointGram(IReadOnlyList<RecomputedGradients> rows) => JointGram(rows, null);

    /// <inheritdoc/>
    public Tensor GramOf(Parameter parameter) => JointGram([this], parameter);

    /// <inheritdoc/>
    public ParameterVector Combine(Tensor weights)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var weighted = _seeds.mul(weights.to(_seeds.dtype).view([-1, .. Enumerable.Repeat(1L, (int)_seeds.dim() - 1)]));
        var sums = passes.PullBack(weighted, passes.Trained);
        return new ParameterVector(passes.Trained, sums).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor Dot(ParameterVector direction)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var parts = new List<Tensor>();
        for (var part = 0; part < passes.Count; part++)
        {
            passes.Capture(part, _seeds, captured => parts.Add(captured.Dot(direction).DetachFromDisposeScope()));
        }

        var all = cat(parts); // [N]
        parts.ForEach(part => part.Dispose());
        return all.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => _seeds.Dispose();

    private static Tensor JointGram(IReadOnlyList<RecomputedGradients> rows, Parameter? only)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var passes = rows[0].Passes;
        var total = rows.Sum(part => part.SampleCount);
        var gram = zeros(total, total, dtype: ScalarType.Float64, device: rows[0]._seeds.device); // [K·N, K·N]
        var blocks = rows.SelectMany((seeded, k) => Enumerable.Range(0, passes.Count)
            .Select(part => (Seeded: seeded, Part: part, Start: (k * seeded.SampleCount) + passes.Start(part)))).ToList();
        for (var i = 0; i < blocks.Count; i++)
        {
            var (seeded, part, start) = blocks[i];
            passes.Capture(part, seeded._seeds, captured =>
            {
                var count = captured.SampleCount;
                using var own = only is null ? captured.Gram() : captured.GramOf(only);
                gram.narrow(0, start, count).narrow(1, start, count).copy_(own);
                foreach (var other in blocks.Take(i))
                {
                    passes.Capture(other.Part, other.Seeded._seeds, earlier =>
                    {
                        using var block = captured.CrossGram(earlier, only); // [n, m]
                        gram.narrow(0, start, count).narrow(1, other.Start, earlier.SampleCount).copy_(block);
                        gram.narrow(0, other.Start, earlier.SampleCount).narrow(1, start, count).copy_(block.t());
                    });
                }
            });
        }

        return gram.MoveToOuterDisposeScope();
    }
}
