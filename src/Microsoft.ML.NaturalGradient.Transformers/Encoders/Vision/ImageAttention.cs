using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>Self-attention and the map of its output, under the names that all three architectures use.</summary>
internal sealed class ImageAttention : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    [ComponentName(Name = "attention")]
    private readonly SelfAttention _self;

    [ComponentName(Name = "output")]
    private readonly DenseLayer _output;

    /// <summary>Creates the layer with empty weights.</summary>
    /// <param name="sizes">The encoder's sizes.</param>
    public ImageAttention(ImageEncoderSizes sizes)
        : base(nameof(ImageAttention))
    {
        _self = new SelfAttention(sizes.HiddenSize, sizes.HeadCount, sizes.AttentionBias);
        _output = new DenseLayer(sizes.HiddenSize, sizes.HiddenSize);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => _output.call(_self.call(input, null)); // [N, T, D]

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input) => _output.Emit(graph, _self.Emit(graph, input, new OnnxContext()));
}
