using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>A linear map that checkpoints call <c>dense</c> inside a module of its own.</summary>
internal sealed class DenseLayer : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    [ComponentName(Name = "dense")]
    private readonly LinearLayer _dense;

    /// <summary>Creates the layer with zero weights.</summary>
    /// <param name="inputSize">Input width.</param>
    /// <param name="outputSize">Output width.</param>
    public DenseLayer(long inputSize, long outputSize)
        : base(nameof(DenseLayer))
    {
        _dense = new LinearLayer(inputSize, outputSize);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => _dense.call(input);

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input) => _dense.Emit(graph, input);
}
