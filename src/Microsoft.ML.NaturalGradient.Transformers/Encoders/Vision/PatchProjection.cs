using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>A linear map of each patch of a picture to a vector: a convolution whose stride is its width.</summary>
internal sealed class PatchProjection : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    private const int ChannelCount = 3;

    private readonly int _patchSize;

    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // [D, 3, p, p]

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias; // [D]

    /// <summary>Creates the layer with zero weights, to be filled from a checkpoint.</summary>
    /// <param name="patchSize">Width and height p of a patch.</param>
    /// <param name="hiddenSize">Width D of the vectors.</param>
    public PatchProjection(int patchSize, int hiddenSize)
        : base(nameof(PatchProjection))
    {
        _patchSize = patchSize;
        _weight = NewParameter.Zeros(hiddenSize, ChannelCount, patchSize, patchSize);
        _bias = NewParameter.Zeros(hiddenSize);
        RegisterComponents();
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The pictures are not of three channels, or their size is no multiple of the patch.</exception>
    public override Tensor forward(Tensor pixels) // [N, 3, H, W] -> [N, D, H/p, W/p]
    {
        Check(pixels);
        var output = LayerWatch.See(this, nn.functional.conv2d(pixels, _weight, _bias, [_patchSize, _patchSize]));
        return GradientTape.Current is { } tape && (_weight.requires_grad || _bias.requires_grad)
            ? tape.Record(output, [.. Uses(pixels)])
            : output;
    }

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        var size = _weight.shape[0];
        var weight = graph.Weight("weight", () => _weight, _weight.shape);
        return graph.Convolution(input, weight, graph.Weight("bias", () => _bias, size), stride: _patchSize, padding: 0, groups: 1);
    }

    private void Check(Tensor pixels)
    {
        if (pixels.dim() != 4 || pixels.shape[1] != ChannelCount)
        {
            throw new ArgumentException(
                $"The pictures are a tensor of shape {MessageText.Shape(pixels.shape)}; expected [N, {ChannelCount}, height, width]. "
                + "Convert them to red, green and blue.", nameof(pixels));
        }

        var (height, width) = (pixels.shape[2], pixels.shape[3]);
        if (height % _patchSize != 0 || width % _patchSize != 0 || height * width == 0)
        {
            var nearest = Math.Max(1, (Math.Max(height, width) + (_patchSize / 2)) / _patchSize) * _patchSize;
            throw new ArgumentException(
                $"The pictures are {width} × {height} pixels, but the model cuts them into patches of {_patchSize} × {_patchSize}. Use a multiple of "
                + $"{_patchSize} for both, for example {nearest} × {nearest}.", nameof(pixels));
        }
    }

    private IEnumerable<ParameterUse> Uses(Tensor pixels)
    {
        if (_weight.requires_grad)
        {
            yield return new ConvolutionWeightUse(_weight, pixels, stride: _patchSize, padding: 0);
        }

        if (_bias.requires_grad)
        {
            yield return new ChannelBiasUse(_bias);
        }
    }
}
