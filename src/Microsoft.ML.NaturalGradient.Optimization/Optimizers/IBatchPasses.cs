using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>How a batch goes through the network: at once, in micro-batches, or shared out to processes. Everything is of the whole batch.</summary>
internal interface IBatchPasses : IDisposable
{
    /// <summary>The parameters that are trained.</summary>
    IReadOnlyList<Parameter> Trained { get; set; }

    /// <summary>As in <see cref="BatchEvaluation.Coordinates"/>.</summary>
    ParameterSet? Coordinates { get; set; }

    /// <summary>As in <see cref="BatchEvaluation.KeepsGraph"/>.</summary>
    bool KeepsGraph { get; set; }

    /// <summary>Runs forward for the first time.</summary>
    /// <returns>The logits of the batch, in the graph only where that is one for the whole batch; in the caller's dispose scope.</returns>
    Tensor FirstForward();

    /// <summary>Runs forward again with the parameters as they are now.</summary>
    /// <returns>The logits of the batch, outside the graph; in the caller's dispose scope.</returns>
    Tensor RepeatForward();

    /// <summary>Computes Σ_n (∂z_n/∂θ)ᵀ u_n.</summary>
    /// <param name="seeds">Cotangents u of the whole batch, [N, ...].</param>
    /// <param name="parameters">The parameters θ.</param>
    /// <param name="keepGraph">Whether another backward pass follows.</param>
    /// <returns>One tensor per parameter; owned by the caller.</returns>
    Tensor[] PullBack(Tensor seeds, IReadOnlyList<Tensor> parameters, bool keepGraph);

    /// <summary>Gives the per-sample gradients.</summary>
    /// <param name="seeds">Cotangents of the batch, [N, ...].</param>
    /// <param name="keepGraph">Whether another backward pass follows.</param>
    /// <returns>The gradients; the caller disposes them before this object.</returns>
    IPerSampleGradients PerSample(Tensor seeds, bool keepGraph);

    /// <summary>Shows what layers recorded, part by part, each of which is gone afterwards.</summary>
    /// <param name="seeds">Cotangents of the batch, [N, ...].</param>
    /// <param name="keepGraph">Whether another backward pass follows.</param>
    /// <param name="use">Takes a capture, and which rows of the batch it is of.</param>
    void ForEachCapture(Tensor seeds, bool keepGraph, Action<CapturedGradients, ForwardPart> use);

    /// <summary>As <see cref="BatchEvaluation.ShareJacobian"/>.</summary>
    /// <param name="mostBytes">Most memory for the whole batch.</param>
    /// <returns>The gradients of each logit; null where they are not shared. Owned by this object.</returns>
    IReadOnlyList<IPerSampleGradients>? ShareJacobian(long mostBytes) => null;

    /// <summary>Adds up over the processes what each has added up over its captures.</summary>
    /// <param name="sums">The sums; changed in place.</param>
    void AllReduce(IEnumerable<Tensor> sums)
    {
    }

    /// <summary>Whether a capture is of a row that does not count, in a process that has none.</summary>
    bool IsEmpty => false;
}
