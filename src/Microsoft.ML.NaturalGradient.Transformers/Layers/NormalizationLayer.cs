using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Layer normalisation over the last dimension: y = γ ∘ (x − mean)/√(variance + ε) + β.</summary>
/// <remarks>Ba, Kiros and Hinton, "Layer Normalization", 2016, eq. (4).</remarks>
internal sealed class NormalizationLayer : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    private readonly double _epsilon;

    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // γ, [D]

    [ComponentName(Name = "bias")]
    private readonly Parameter? _bias; // β, [D]

    /// <summary>Creates the layer with γ = 1 and β = 0.</summary>
    /// <param name="size">Width D.</param>
    /// <param name="epsilon">ε, added to the variance.</param>
    /// <param name="bias">Whether there is a shift β.</param>
    public NormalizationLayer(long size, double epsilon, bool bias = true)
        : base(nameof(NormalizationLayer))
    {
        _epsilon = epsilon;
        _weight = NewParameter.Ones(size);
        _bias = bias ? NewParameter.Zeros(size) : null;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) // [N, ..., D]
    {
        if (GradientTape.Current is not { } tape || !(_weight.requires_grad || _bias is { requires_grad: true }))
        {
            return LayerWatch.See(this, nn.functional.layer_norm(input, _weight.shape, _weight, _bias, _epsilon));
        }

        var normalized = nn.functional.layer_norm(input, _weight.shape, eps: _epsilon);
        var uses = new List<ParameterUse>();
        if (_weight.requires_grad)
        {
            uses.Add(new ScaleUse(_weight, normalized, input));
        }

        if (_bias is { requires_grad: true })
        {
            uses.Add(new BiasUse(_bias));
        }

        var scaled = normalized.mul(_weight);
        return tape.Record(_bias is null ? scaled : scaled.Plus(_bias), [.. uses]);
    }

    /// <inheritdoc/>
    /// <remarks>With a shift in any case: ONNX Runtime looks at it where it searches for attention.</remarks>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        var size = _weight.shape[0];
        var shift = graph.Weight("bias", () => _bias ?? zeros_like(_weight), size);
        return graph.LayerNormalization(input, graph.Weight("weight", () => _weight, size), shift, _epsilon);
    }
}
