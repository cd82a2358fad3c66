using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Normalisation by the root mean square over the last dimension, without a shift: y = γ ∘ x/√(mean x² + ε).</summary>
/// <remarks>Zhang and Sennrich, "Root Mean Square Layer Normalization", NeurIPS 2019, eq. (4).</remarks>
internal sealed class RootMeanSquareNorm : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    private readonly double _epsilon;

    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // γ, [D]

    /// <summary>Creates the layer with γ = 1.</summary>
    /// <param name="size">Width D.</param>
    /// <param name="epsilon">ε, added to the mean square.</param>
    public RootMeanSquareNorm(long size, double epsilon)
        : base(nameof(RootMeanSquareNorm))
    {
        _epsilon = epsilon;
        _weight = NewParameter.Ones(size);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) // [N, ..., D]
    {
        var normalized = input.mul(input.Square().mean([-1L], keepdim: true).Plus(_epsilon).rsqrt());
        var output = LayerWatch.See(this, normalized.mul(_weight));
        return GradientTape.Current is { } tape && _weight.requires_grad
            ? tape.Record(output, new ScaleUse(_weight, normalized))
            : output;
    }

    /// <inheritdoc/>
    /// <remarks>In float32 for any type of the model, since squares leave the range of 16 bits.</remarks>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        const OnnxElementType Type = OnnxElementType.Float;
        var wide = graph.Cast(input, Type);
        var mean = graph.Mean(graph.Pow(wide, graph.Scalar(2, Type)), -1, keep: true);
        var normalized = graph.Div(wide, graph.Sqrt(graph.Add(mean, graph.Scalar(_epsilon, Type))));
        return graph.Mul(graph.Cast(normalized, input.Type), graph.Weight("weight", () => _weight, _weight.shape[0]));
    }
}
