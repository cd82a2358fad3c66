using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A task whose head reads each token of a text.</summary>
/// <param name="kind">Whether it classifies tokens or looks for parts of texts.</param>
internal abstract class TokenTask(HeadKind kind) : TextTask
{
    /// <inheritdoc/>
    public override TextCheckpoint Load(CheckpointFiles files, IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere = null) => Load(files, kind, elsewhere);

    /// <summary>Reads a pretrained model for a head that reads tokens; a head on whole texts is none to start from.</summary>
    /// <param name="files">The files; owned by the caller.</param>
    /// <param name="kind">The head.</param>
    /// <param name="elsewhere">As for <see cref="TextCheckpoint.Load"/>.</param>
    public static TextCheckpoint Load(CheckpointFiles files, HeadKind kind, IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere = null)
    {
        var isOfWholeTexts = ClassifierConfig.IsOfWholeTexts(ModelConfig.Read(files));
        return TextCheckpoint.Load(ClassifierConfig.OpenAsEncoder(files), elsewhere, network => isOfWholeTexts ? null : (network as TextEncoder)?.HeadOf(kind));
    }

    /// <inheritdoc/>
    public override TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead) =>
        checkpoint.Network is TextEncoder encoder
            ? new TokenClassifier(encoder, Target.OutputCount, kind, adapter, seed, useHead ? checkpoint.HeadWeights : null)
            : throw new NotSupportedException($"The model answers with text and has no head for tokens. Use an encoder, for example PretrainedModel.{nameof(PretrainedModel.BgeSmall)}.");
}
