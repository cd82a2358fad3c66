using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>Multiplies each entry of a vector by a learned factor: y = λ ∘ x.</summary>
/// <remarks>Touvron et al., "Going deeper with Image Transformers", ICCV 2021, eq. (1).</remarks>
internal sealed class LayerScale : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    [ComponentName(Name = "lambda1")]
    private readonly Parameter _scale; // λ, [D]

    /// <summary>Creates the layer with λ = 1.</summary>
    /// <param name="size">Width D.</param>
    public LayerScale(long size)
        : base(nameof(LayerScale))
    {
        _scale = NewParameter.Ones(size);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) // [N, T, D]
    {
        var output = LayerWatch.See(this, input.mul(_scale));
        return GradientTape.Current is { } tape && _scale.requires_grad ? tape.Record(output, new ScaleUse(_scale, input)) : output;
    }

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        return graph.Mul(input, graph.Weight("lambda1", () => _scale, _scale.shape[0]));
    }
}
