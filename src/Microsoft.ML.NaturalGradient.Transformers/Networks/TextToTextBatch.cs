using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.T5;

/// <summary>A padded batch of texts and of what the decoder reads for them; owns both.</summary>
/// <param name="text">What the encoder reads.</param>
/// <param name="decoderIds">What the decoder reads, [N, T], int64.</param>
/// <param name="classes">Class of each text, [N], int64.</param>
internal sealed class TextToTextBatch(TokenBatch text, Tensor decoderIds, Tensor classes) : ModelInput
{
    /// <summary>What the encoder reads.</summary>
    public TokenBatch Text { get; } = text;

    /// <summary>What the decoder reads, [N, T].</summary>
    public Tensor DecoderIds { get; } = decoderIds;

    /// <summary>Class of each text, [N].</summary>
    public Tensor Classes { get; } = classes;

    /// <inheritdoc/>
    public override int SampleCount => Text.SampleCount;

    /// <inheritdoc/>
    public override TextToTextBatch Slice(long start, long count) =>
        new(Text.Slice(start, count), DecoderIds.narrow(0, start, count), Classes.narrow(0, start, count));

    /// <inheritdoc/>
    public override void Dispose()
    {
        Text.Dispose();
        DecoderIds.Dispose();
        Classes.Dispose();
    }
}
