using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>A linear map y = x Wᵀ + b that records itself on the current tape when it is trainable.</summary>
internal sealed class LinearLayer : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // [O, I]

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias; // [O]

    /// <summary>Creates the layer with zero weights, to be filled from a checkpoint.</summary>
    /// <param name="inputSize">Input width I.</param>
    /// <param name="outputSize">Output width O.</param>
    public LinearLayer(long inputSize, long outputSize)
        : base(nameof(LinearLayer))
    {
        _weight = nn.Parameter(zeros(outputSize, inputSize));
        _bias = nn.Parameter(zeros(outputSize));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) // [N, ..., I] -> [N, ..., O]
    {
        var output = nn.functional.linear(input, _weight, _bias);
        if (GradientTape.Current is not { } tape || !(_weight.requires_grad || _bias.requires_grad))
        {
            return output;
        }

        var uses = new List<ParameterUse>();
        if (_weight.requires_grad)
        {
            uses.Add(new LinearWeightUse(_weight, input));
        }

        if (_bias.requires_grad)
        {
            uses.Add(new BiasUse(_bias));
        }

        return tape.Record(output, [.. uses]);
    }
}
