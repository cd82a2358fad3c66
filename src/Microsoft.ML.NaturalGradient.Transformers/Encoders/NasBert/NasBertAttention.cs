using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.NasBert;

/// <summary>A NAS-BERT layer of attention, added to what it reads and normalised.</summary>
internal sealed class NasBertAttention : nn.Module<Tensor, NasBertContext, Tensor>, IOnnxContextLayer
{
    [ComponentName(Name = "SelfAttention")]
    private readonly ProjectedAttention _attention;

    [ComponentName(Name = "LayerNorm")]
    private readonly NormalizationLayer _norm;

    /// <summary>Creates the layer with empty weights.</summary>
    /// <param name="width">Width D.</param>
    /// <param name="sizes">The encoder's sizes.</param>
    public NasBertAttention(int width, EncoderSizes sizes)
        : base(nameof(NasBertAttention))
    {
        _attention = new ProjectedAttention(
            sizes with { HiddenSize = width, HeadCount = width / NasBertLayout.HeadSize }, "QProjection", "KProjection", "VProjection", "OutProjLinear");
        _norm = new NormalizationLayer(width, sizes.LayerNormEpsilon);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, NasBertContext context) => _norm.call(_attention.call(input, context.AttentionMask).Plus(input));

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
    {
        using var scope = graph.Enter(this);
        return _norm.Emit(graph, graph.Add(_attention.Emit(graph, input, context), input));
    }
}
