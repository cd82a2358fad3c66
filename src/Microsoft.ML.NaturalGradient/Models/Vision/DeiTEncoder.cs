using Microsoft.ML.NaturalGradient.Models.Layers;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>The DeiT encoder: ViT with a distillation token beside the class token.</summary>
/// <remarks>
/// Touvron et al., "Training data-efficient image transformers &amp; distillation through attention", ICML 2021. A checkpoint that was trained
/// with a teacher has a head on each of the two tokens; its logits are the mean of both, in use as in training, where both heads learn.
/// </remarks>
internal sealed class DeiTEncoder : ImageEncoder
{
    private static readonly HeadLayout TwoHeads = new() { Output = "cls_classifier", SecondOutput = "distillation_classifier" };

    [ComponentName(Name = "embeddings")]
    private readonly ImageEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly ImageLayers _layers;

    [ComponentName(Name = "layernorm")]
    private readonly NormalizationLayer _norm;

    /// <summary>Creates the encoder with empty weights, to be filled from a checkpoint.</summary>
    public DeiTEncoder(ViTConfig config)
        : base(nameof(DeiTEncoder), config.Sizes, config.Sizes.HasDistillationHead ? TwoHeads : HeadLayout.Linear)
    {
        _embeddings = new ImageEmbeddings(config.Sizes, hasDistillationToken: true);
        _layers = new ImageLayers(Enumerable.Range(0, config.Sizes.LayerCount).Select(_ => new ViTLayer(config)));
        _norm = new NormalizationLayer(HiddenSize, config.Sizes.LayerNormEpsilon);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override string Prefix => "deit";

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> HiddenStates(PixelBatch batch) => _layers.HiddenStates(_embeddings.call(batch.Pixels));

    /// <inheritdoc/>
    public override Tensor Encode(PixelBatch batch) => _norm.call(HiddenStates(batch)[^1]);

    /// <inheritdoc/>
    /// <remarks>The class token's vector; with two heads the distillation token's beside it, [N, 2·D].</remarks>
    public override Tensor Pool(PixelBatch batch) =>
        Head.SecondOutput is null ? base.Pool(batch) : Encode(batch).narrow(1, 0, 2).flatten(1);
}
