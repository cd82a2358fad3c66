using Microsoft.ML.NaturalGradient.Models.Onnx;
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

    private DeiTEncoder(ViTConfig config)
        : base(
            Descriptor, config.Sizes, new ImageEmbeddings(config.Sizes, hasDistillationToken: true), () => new ViTLayer(config),
            config.Sizes.HasDistillationHead ? TwoHeads : null)
    {
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "deit",
        ClassName = "DeiT",
        Prefix = "deit",
        Kind = ArchitectureKind.ImageEncoder,
        DefaultTargets = ["query", "value"],
        PreprocessorClass = "DeiTImageProcessor",
        Create = config => new DeiTEncoder(ViTConfig.Read(config)),
    };

    /// <inheritdoc/>
    /// <remarks>The class token's vector; with two heads the distillation token's beside it, [N, 2·D].</remarks>
    public override Tensor Pool(PixelBatch batch) =>
        Head.SecondOutput is null ? base.Pool(batch) : Encode(batch).narrow(1, 0, 2).flatten(1);

    /// <inheritdoc/>
    public override OnnxValue EmitPool(OnnxGraph graph, OnnxValue pixels)
    {
        if (Head.SecondOutput is null)
        {
            return base.EmitPool(graph, pixels);
        }

        var both = graph.Slice(Emit(graph, pixels), 1, 0, 2); // [N, 2, D]
        return graph.Reshape(both, both.Shape[0], 2L * HiddenSize);
    }
}
