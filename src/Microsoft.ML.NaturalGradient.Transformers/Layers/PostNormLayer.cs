using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>A post-normalised transformer layer under the names of BERT's checkpoints: attention, then two dense layers, each added and normalised.</summary>
/// <typeparam name="TContext">What attention reads besides the vectors, such as a mask.</typeparam>
internal sealed class PostNormLayer<TContext> : nn.Module<Tensor, TContext, Tensor>, IOnnxContextLayer
{
    private readonly Activation _activation;

    [ComponentName(Name = "attention")]
    private readonly nn.Module<Tensor, TContext, Tensor> _attention;

    [ComponentName(Name = "intermediate")]
    private readonly DenseLayer _intermediate;

    [ComponentName(Name = "output")]
    private readonly DenseAddNorm _output;

    /// <summary>Creates the layer with empty weights.</summary>
    /// <param name="sizes">The encoder's sizes.</param>
    /// <param name="attention">Attention, added to what it reads and normalised; owned by this layer from now on.</param>
    public PostNormLayer(EncoderSizes sizes, nn.Module<Tensor, TContext, Tensor> attention)
        : base(nameof(PostNormLayer<>))
    {
        _activation = Activation.Named(sizes.Activation);
        _attention = attention;
        _intermediate = new DenseLayer(sizes.HiddenSize, sizes.IntermediateSize);
        _output = new DenseAddNorm(sizes.IntermediateSize, sizes);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, TContext context)
    {
        var attended = _attention.call(input, context);
        return _output.call(_activation.Apply(_intermediate.call(attended)), attended);
    }

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
    {
        using var scope = graph.Enter(this);
        var attended = ((IOnnxContextLayer)_attention).Emit(graph, input, context);
        return _output.Emit(graph, _activation.Emit(graph, _intermediate.Emit(graph, attended)), attended);
    }
}
