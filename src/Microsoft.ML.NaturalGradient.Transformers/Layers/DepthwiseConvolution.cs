using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>A convolution along tokens with a kernel of its own for each feature, that records itself on the current tape when it is trainable.</summary>
internal sealed class DepthwiseConvolution : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // [D, 1, K]

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias; // [D]

    /// <summary>Creates the layer with zero weights, to be filled from a checkpoint.</summary>
    /// <param name="size">Features D.</param>
    /// <param name="kernelSize">Tokens K that an output reads, half of them on either side; odd.</param>
    public DepthwiseConvolution(long size, long kernelSize)
        : base(nameof(DepthwiseConvolution))
    {
        _weight = NewParameter.Zeros(size, 1, kernelSize);
        _bias = NewParameter.Zeros(size);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) // [N, T, D] -> [N, T, D]
    {
        var features = input.transpose(1, 2); // [N, D, T]
        var output = LayerWatch.See(
            this, nn.functional.conv1d(features, _weight, _bias, padding: _weight.shape[2] / 2, groups: _weight.shape[0]));
        if (GradientTape.Current is { } tape && (_weight.requires_grad || _bias.requires_grad))
        {
            output = tape.Record(output, [.. Uses(features)]);
        }

        return output.transpose(1, 2).contiguous(); // else products of what follows are rounded by where their memory lies
    }

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        var (size, kernel) = (_weight.shape[0], _weight.shape[2]);
        var (weight, bias) = (graph.Weight("weight", () => _weight, size, 1, kernel), graph.Weight("bias", () => _bias, size));
        var output = graph.Convolution(graph.Transpose(input, 0, 2, 1), weight, bias, stride: 1, padding: (int)kernel / 2, groups: size);
        return graph.Transpose(output, 0, 2, 1);
    }

    private IEnumerable<ParameterUse> Uses(Tensor features)
    {
        if (_weight.requires_grad)
        {
            yield return new DepthwiseWeightUse(_weight, features);
        }

        if (_bias.requires_grad)
        {
            yield return new ChannelBiasUse(_bias);
        }
    }
}
