using Microsoft.ML.NaturalGradient.Models.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>The DINOv2 encoder: ViT with scaled layers, classified by the class token and the mean of the patches.</summary>
/// <remarks>
/// Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", TMLR 2024. The mask token of pretraining is kept without use, and so is ignored
/// the dropping of whole layers (<c>drop_path_rate</c>), as dropout is for all encoders.
/// </remarks>
internal sealed class Dinov2Encoder : ImageEncoder
{
    private Dinov2Encoder(Dinov2Config config)
        : base(Descriptor, config.Sizes, new ImageEmbeddings(config.Sizes, keepsMaskToken: true), () => new Dinov2Layer(config))
    {
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "dinov2",
        ClassName = "Dinov2",
        Prefix = "dinov2",
        Kind = ArchitectureKind.ImageEncoder,
        DefaultTargets = ["query", "value"],
        PreprocessorClass = "BitImageProcessor",
        TakesAnySize = true,
        Create = config => new Dinov2Encoder(Dinov2Config.Read(config)),
    };

    /// <inheritdoc/>
    public override int HeadInputSize => 2 * HiddenSize;

    /// <inheritdoc/>
    /// <remarks>The class token's vector and the mean of the patches' side by side, [N, 2·D].</remarks>
    public override Tensor Pool(PixelBatch batch)
    {
        var encoded = Encode(batch);
        return cat([encoded.select(1, 0), encoded.narrow(1, 1, encoded.shape[1] - 1).mean([1L])], 1);
    }

    /// <inheritdoc/>
    public override OnnxValue EmitPool(OnnxGraph graph, OnnxValue pixels)
    {
        var encoded = Emit(graph, pixels);
        return graph.Concat(1, graph.Select(encoded, 1, 0), graph.Mean(graph.Slice(encoded, 1, 1), 1));
    }
}
