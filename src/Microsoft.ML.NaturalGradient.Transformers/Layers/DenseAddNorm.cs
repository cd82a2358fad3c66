using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>The end of each part of a post-normalised layer, under the names of BERT's checkpoints: a linear map, added to what the part read, normalised.</summary>
internal sealed class DenseAddNorm : nn.Module<Tensor, Tensor, Tensor>
{
    [ComponentName(Name = "dense")]
    private readonly LinearLayer _dense;

    [ComponentName(Name = "LayerNorm")]
    private readonly NormalizationLayer _norm;

    /// <summary>Creates the layers with empty weights.</summary>
    /// <param name="inputSize">Width of what is mapped.</param>
    /// <param name="sizes">The encoder's sizes.</param>
    public DenseAddNorm(long inputSize, EncoderSizes sizes)
        : base(nameof(DenseAddNorm))
    {
        _dense = new LinearLayer(inputSize, sizes.HiddenSize);
        _norm = new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor residual) => _norm.call(_dense.call(input).Plus(residual));

    /// <summary>Writes the layers into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="input">What is mapped.</param>
    /// <param name="residual">What is added.</param>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxValue residual)
    {
        using var scope = graph.Enter(this);
        return _norm.Emit(graph, graph.Add(_dense.Emit(graph, input), residual));
    }
}
