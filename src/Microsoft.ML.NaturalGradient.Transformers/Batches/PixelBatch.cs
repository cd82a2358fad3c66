using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>A batch of pictures of one size, or of what the first layers gave for them; owns its tensor.</summary>
/// <param name="pixels">Red, green and blue, normalised as the encoder expects it, [N, 3, H, W], of the model's element type.</param>
internal sealed class PixelBatch(Tensor pixels) : ModelInput
{
    /// <summary>Takes what the first layers gave, in place of pictures.</summary>
    /// <param name="frozen">Their output; owned by this object from now on.</param>
    public PixelBatch(FrozenStates frozen)
        : this(frozen.States) => Frozen = frozen;

    /// <summary>Red, green and blue, [N, 3, H, W]; not to be read where <see cref="Frozen"/> stands for them.</summary>
    public Tensor Pixels { get; } = pixels;

    /// <summary>What the first layers gave; null where they are to be computed.</summary>
    public FrozenStates? Frozen { get; }

    /// <inheritdoc/>
    public override int SampleCount => (int)Pixels.shape[0];

    /// <inheritdoc/>
    public override PixelBatch Slice(long start, long count) =>
        Frozen is null ? new(Pixels.narrow(0, start, count)) : new(Frozen.Slice(start, count));

    /// <inheritdoc/>
    public override void Dispose() => Pixels.Dispose();
}
