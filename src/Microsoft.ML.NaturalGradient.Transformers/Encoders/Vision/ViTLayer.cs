using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>A pre-normalised transformer layer under the names of ViT's and DeiT's checkpoints.</summary>
/// <remarks>
/// Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", ICLR 2021, eq. (2) and (3):
/// x ← x + Attention(Norm(x)), then x ← x + W₂·activation(W₁·Norm(x)).
/// </remarks>
internal sealed class ViTLayer : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    private readonly Activation _activation;

    [ComponentName(Name = "layernorm_before")]
    private readonly NormalizationLayer _attentionNorm;

    [ComponentName(Name = "attention")]
    private readonly ImageAttention _attention;

    [ComponentName(Name = "layernorm_after")]
    private readonly NormalizationLayer _feedForwardNorm;

    [ComponentName(Name = "intermediate")]
    private readonly DenseLayer _intermediate;

    [ComponentName(Name = "output")]
    private readonly DenseLayer _output;

    /// <summary>Creates the layer with empty weights.</summary>
    /// <param name="config">The encoder's configuration.</param>
    public ViTLayer(ViTConfig config)
        : base(nameof(ViTLayer))
    {
        var sizes = config.Sizes;
        _activation = Activation.Named(sizes.Activation);
        _attentionNorm = new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon);
        _attention = new ImageAttention(sizes);
        _feedForwardNorm = new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon);
        _intermediate = new DenseLayer(sizes.HiddenSize, config.IntermediateSize);
        _output = new DenseLayer(config.IntermediateSize, sizes.HiddenSize);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) // [N, T, D]
    {
        var attended = input.Plus(_attention.call(_attentionNorm.call(input)));
        return attended.Plus(_output.call(_activation.Apply(_intermediate.call(_feedForwardNorm.call(attended)))));
    }

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        var attended = graph.Add(_attention.Emit(graph, _attentionNorm.Emit(graph, input)), input);
        return graph.Add(_output.Emit(graph, _activation.Emit(graph, _intermediate.Emit(graph, _feedForwardNorm.Emit(graph, attended)))), attended);
    }
}
