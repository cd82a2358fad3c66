using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Batching;

/// <summary>What the first layers of an encoder gave for a batch, in place of computing it again.</summary>
/// <param name="Layers">How many layers, at least 1.</param>
/// <param name="States">The vectors after them, [N, T, D]; owned by the batch.</param>
internal sealed record FrozenStates(int Layers, Tensor States)
{
    /// <summary>Some of the samples.</summary>
    /// <param name="start">First sample.</param>
    /// <param name="count">Samples n, at least 1.</param>
    /// <returns>A view, in the caller's dispose scope.</returns>
    public FrozenStates Slice(long start, long count) => this with { States = States.narrow(0, start, count) };
}
