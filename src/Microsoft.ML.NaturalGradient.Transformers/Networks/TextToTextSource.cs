using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.T5;

/// <summary>Batches of texts with a class, as batches of texts with the tokens of the class's word.</summary>
/// <param name="texts">Batches of <see cref="TokenBatch"/> with labels [N].</param>
/// <param name="words">The words.</param>
internal sealed class TextToTextSource(IBatchSource texts, LabelWords words) : IBatchSource
{
    /// <inheritdoc/>
    public int SampleCount => texts.SampleCount;

    /// <inheritdoc/>
    public int BatchCount => texts.BatchCount;

    /// <inheritdoc/>
    /// <remarks>Labels are [N, T].</remarks>
    public IEnumerable<LabeledBatch> Shuffled(int epoch, int first = 0) => texts.Shuffled(epoch, first).Select(WithWords);

    /// <inheritdoc/>
    public IEnumerable<LabeledBatch> Ordered() => texts.Ordered().Select(WithWords);

    /// <inheritdoc/>
    public string Fingerprint() => texts.Fingerprint() + " " + string.Join('|', words.Words);

    private LabeledBatch WithWords(LabeledBatch batch)
    {
        try
        {
            using var scope = NewDisposeScope();
            var classes = batch.Labels; // [N]
            var ids = words.DecoderIds(classes.device).index_select(0, classes); // [N, T]
            var labels = words.Labels(classes.device).index_select(0, classes); // [N, T]
            return new LabeledBatch(
                new TextToTextBatch((TokenBatch)batch.Input, ids.DetachFromDisposeScope(), classes), labels.DetachFromDisposeScope(), batch.Weights);
        }
        catch
        {
            batch.Dispose();
            throw;
        }
    }
}
