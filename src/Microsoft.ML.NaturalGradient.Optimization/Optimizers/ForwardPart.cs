using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>One forward pass over some rows of a batch, which can be run again.</summary>
/// <param name="Forward">The pass.</param>
/// <param name="Start">Its first row.</param>
/// <param name="Count">Its rows.</param>
internal sealed record ForwardPart(ReplayableForward Forward, long Start, long Count)
{
    /// <summary>What belongs to its rows.</summary>
    /// <param name="batch">[N, ...].</param>
    /// <returns>A view, [n, ...]; in the caller's dispose scope.</returns>
    public Tensor Of(Tensor batch) => batch.narrow(0, Start, Count);
}
