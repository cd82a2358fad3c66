using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A task whose head reads each token of a text.</summary>
/// <param name="findsSpans">Whether it looks for parts of texts and does not classify tokens.</param>
internal abstract class TokenTask(bool findsSpans) : TextTask
{
    /// <inheritdoc/>
    public override TextCheckpoint Load(CheckpointFiles files, IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere = null) => TextCheckpoint.Load(
        ClassifierConfig.OpenAsEncoder(files), elsewhere, network => network is TextEncoder encoder ? TokenClassifier.Layout(encoder, findsSpans) : null);

    /// <inheritdoc/>
    public override TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead) =>
        checkpoint.Network is TextEncoder encoder
            ? new TokenClassifier(encoder, Target.OutputCount, findsSpans, adapter, seed, useHead ? checkpoint.HeadWeights : null)
            : throw new NotSupportedException($"The model answers with text and has no head for tokens. Use an encoder, for example PretrainedModel.{nameof(PretrainedModel.BgeSmall)}.");
}
