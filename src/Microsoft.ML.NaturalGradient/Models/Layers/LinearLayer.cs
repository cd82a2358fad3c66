using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>A linear map y = x Wᵀ + b that records itself on the current tape when it is trainable, and may carry an adapter.</summary>
internal sealed class LinearLayer : nn.Module<Tensor, Tensor>
{
    /// <summary>Name under which an adapter is registered; not part of checkpoint names.</summary>
    public const string AdapterName = "adapter";

    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // [O, I]

    [ComponentName(Name = "bias")]
    private readonly Parameter? _bias; // [O]

    /// <summary>Creates the layer with zero weights, to be filled from a checkpoint.</summary>
    /// <param name="inputSize">Input width I.</param>
    /// <param name="outputSize">Output width O.</param>
    /// <param name="bias">Whether there is a bias b.</param>
    public LinearLayer(long inputSize, long outputSize, bool bias = true)
        : base(nameof(LinearLayer))
    {
        InputSize = inputSize;
        OutputSize = outputSize;
        _weight = NewParameter.Of(() => zeros(outputSize, inputSize));
        _bias = bias ? NewParameter.Of(() => zeros(outputSize)) : null;
        RegisterComponents();
    }

    /// <summary>Input width I.</summary>
    public long InputSize { get; }

    /// <summary>Output width O.</summary>
    public long OutputSize { get; }

    /// <summary>What is attached; <see langword="null"/> for nothing.</summary>
    public LinearAdapter? Adapter { get; private set; }

    /// <summary>Attaches an adapter.</summary>
    /// <param name="adapter">The adapter; owned by this layer from now on.</param>
    public void Adapt(LinearAdapter adapter)
    {
        Adapter = adapter;
        register_module(AdapterName, adapter);
    }

    /// <summary>Changes W and b so that every output y becomes scale · y + shift.</summary>
    /// <param name="scale">The scale.</param>
    /// <param name="shift">The shift; the layer needs a bias.</param>
    public void RescaleOutputs(double scale, double shift)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var bias = _bias ?? throw new InvalidOperationException("The layer has no bias that could take the shift.");
        _weight.ScaleInPlace(scale);
        bias.ScaleInPlace(scale);
        bias.AddInPlace(ones_like(bias), shift);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) // [N, ..., I] -> [N, ..., O]
    {
        var output = nn.functional.linear(input, _weight, _bias);
        if (GradientTape.Current is { } tape && (_weight.requires_grad || _bias is { requires_grad: true }))
        {
            output = tape.Record(output, [.. Uses(input)]);
        }

        return Adapter is null ? output : Adapter.Apply(input, output);
    }

    private IEnumerable<ParameterUse> Uses(Tensor input)
    {
        if (_weight.requires_grad)
        {
            yield return new LinearWeightUse(_weight, input);
        }

        if (_bias is { requires_grad: true })
        {
            yield return new BiasUse(_bias);
        }
    }
}
