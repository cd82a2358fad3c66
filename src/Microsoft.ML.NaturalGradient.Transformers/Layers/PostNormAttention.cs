using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>The attention of a post-normalised layer under the names of BERT's checkpoints, which map its output outside of it.</summary>
/// <typeparam name="TContext">What attention reads besides the vectors, such as a mask.</typeparam>
internal sealed class PostNormAttention<TContext> : nn.Module<Tensor, TContext, Tensor>, IOnnxContextLayer
{
    [ComponentName(Name = "self")]
    private readonly nn.Module<Tensor, TContext, Tensor> _self;

    [ComponentName(Name = "output")]
    private readonly DenseAddNorm _output;

    /// <summary>Creates the layers with empty weights.</summary>
    /// <param name="sizes">The encoder's sizes.</param>
    /// <param name="selfAttention">Attention without the projection of its output; owned by this layer from now on.</param>
    public PostNormAttention(EncoderSizes sizes, nn.Module<Tensor, TContext, Tensor> selfAttention)
        : base(nameof(PostNormAttention<>))
    {
        _self = selfAttention;
        _output = new DenseAddNorm(sizes.HiddenSize, sizes);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, TContext context) => _output.call(_self.call(input, context), input);

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
    {
        using var scope = graph.Enter(this);
        return _output.Emit(graph, ((IOnnxContextLayer)_self).Emit(graph, input, context), input);
    }
}
