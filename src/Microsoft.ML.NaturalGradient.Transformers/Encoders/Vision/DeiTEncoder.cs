using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>The DeiT encoder: ViT with a distillation token beside the class token.</summary>
/// <remarks>
/// Touvron et al., "Training data-efficient image transformers &amp; distillation through attention", ICML 2021. A checkpoint that was trained
/// with a teacher has a head on each of the two tokens; its logits are the mean of both, in use as in training, where both heads learn.
/// </remarks>
internal sealed class DeiTEncoder : ImageEncoder
{
    /// <summary>The head of checkpoints that were trained with a teacher.</summary>
    public static readonly HeadLayout TwoHeads = new() { Output = "cls_classifier", SecondOutput = "distillation_classifier" };

    /// <summary>Creates the encoder with empty weights, to be filled from a checkpoint.</summary>
    public DeiTEncoder(ViTConfig config)
        : base(
            nameof(DeiTEncoder),
            config.Sizes,
            config.Sizes.HasDistillationHead ? TwoHeads : HeadLayout.Linear,
            new ImageEmbeddings(config.Sizes, hasDistillationToken: true),
            () => new ViTLayer(config))
    {
    }

    /// <inheritdoc/>
    public override string Prefix => "deit";

    /// <inheritdoc/>
    /// <remarks>The class token's vector; with two heads the distillation token's beside it, [N, 2·D].</remarks>
    public override Tensor Pool(PixelBatch batch) =>
        Head.SecondOutput is null ? base.Pool(batch) : Encode(batch).narrow(1, 0, 2).flatten(1);
}
