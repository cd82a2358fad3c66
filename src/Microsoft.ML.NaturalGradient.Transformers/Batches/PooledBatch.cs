using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Batching;

/// <summary>What a frozen encoder gave for a batch, in place of texts or pictures; owns its tensor.</summary>
/// <param name="vectors">The vectors that the head reads, [N, D].</param>
internal sealed class PooledBatch(Tensor vectors) : ModelInput
{
    /// <summary>The vectors that the head reads, [N, D].</summary>
    public Tensor Vectors { get; } = vectors;

    /// <inheritdoc/>
    public override int SampleCount => (int)Vectors.shape[0];

    /// <inheritdoc/>
    public override PooledBatch Slice(long start, long count) => new(Vectors.narrow(0, start, count));

    /// <inheritdoc/>
    public override void Dispose() => Vectors.Dispose();
}
