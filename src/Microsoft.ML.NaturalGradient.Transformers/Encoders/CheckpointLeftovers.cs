using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>Tells the tensors of a checkpoint that an encoder rightly ignores from those that show that it is another model.</summary>
internal static class CheckpointLeftovers
{
    // Parts of the encoder that pretraining leaves or that are no weights.
    private static readonly string[] Inside =
    [
        "pooler.", "embeddings.position_ids", "embeddings.token_type_ids", "embeddings.position_embeddings.", "embeddings.mask_token",
    ];

    // Heads of other tasks. Where the file's names carry the encoder's prefix, everything without it is one.
    private static readonly string[] Heads =
    [
        "cls.", "lm_head.", "discriminator_predictions.", "generator_predictions.", "generator_lm_head.", "mask_predictions.",
        "lm_predictions.", "vocab_transform.", "vocab_layer_norm.", "vocab_projector.", "qa_outputs.", "decoder.", "head.",
        "classifier.", "pre_classifier.", "cls_classifier.", "distillation_classifier.", "mean_classifier.", "PredictionHead.",
    ];

    /// <summary>Checks what was left over after loading.</summary>
    /// <param name="loaded">What was loaded.</param>
    /// <param name="description">The file, in words for error messages.</param>
    /// <param name="encoder">The encoder that was filled.</param>
    /// <exception cref="InvalidDataException">The file has tensors of an encoder that computes something else; the message lists them.</exception>
    public static void Check(CheckpointLoadResult loaded, string description, PretrainedNetwork encoder)
    {
        var known = loaded.Prefix.Length > 0 ? Inside : [.. Inside, .. Heads];
        var unexpected = loaded.Unused
            .Where(name => name.StartsWith(loaded.Prefix, StringComparison.Ordinal))
            .Where(name => !known.Any(part => name.AsSpan(loaded.Prefix.Length).StartsWith(part, StringComparison.Ordinal)))
            .ToArray();
        if (unexpected.Length > 0)
        {
            throw new InvalidDataException(
                $"{description} has {unexpected.Length} tensors that the '{encoder.Architecture.ModelType}' architecture of {CheckpointFiles.ConfigName} does not "
                + $"use: {MessageText.Few(unexpected)}. Check that the configuration and the weights belong together.");
        }
    }
}
