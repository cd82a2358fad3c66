using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>A batch of pictures of one size; owns its tensor.</summary>
/// <param name="pixels">Red, green and blue, normalised as the encoder expects it, [N, 3, H, W], of the model's element type.</param>
internal sealed class PixelBatch(Tensor pixels) : ModelInput
{
    /// <summary>Red, green and blue, [N, 3, H, W].</summary>
    public Tensor Pixels { get; } = pixels;

    /// <inheritdoc/>
    public override int SampleCount => (int)Pixels.shape[0];

    /// <inheritdoc/>
    public override PixelBatch Slice(long start, long count) => new(Pixels.narrow(0, start, count));

    /// <inheritdoc/>
    public override void Dispose() => Pixels.Dispose();
}
