using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>A post-normalised transformer layer under the names of BERT's checkpoints: attention, then two dense layers, each added and normalised.</summary>
/// <typeparam name="TContext">What attention reads besides the vectors, such as a mask.</typeparam>
internal sealed class PostNormLayer<TContext> : nn.Module<Tensor, TContext, Tensor>
{
    private readonly Func<Tensor, Tensor> _activation;

    [ComponentName(Name = "attention")]
    private readonly Attention _attention;

    [ComponentName(Name = "intermediate")]
    private readonly DenseLayer _intermediate;

    [ComponentName(Name = "output")]
    private readonly DenseAddNorm _output;

    /// <summary>Creates the layer with empty weights.</summary>
    /// <param name="sizes">The encoder's sizes.</param>
    /// <param name="selfAttention">Attention without the projection of its output; owned by this layer from now on.</param>
    public PostNormLayer(EncoderSizes sizes, nn.Module<Tensor, TContext, Tensor> selfAttention)
        : base(nameof(PostNormLayer<>))
    {
        _activation = Activation.Named(sizes.Activation);
        _attention = new Attention(sizes, selfAttention);
        _intermediate = new DenseLayer(sizes.HiddenSize, sizes.IntermediateSize);
        _output = new DenseAddNorm(sizes.IntermediateSize, sizes);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, TContext context)
    {
        var attended = _attention.call(input, context);
        return _output.call(_activation(_intermediate.call(attended)), attended);
    }

    private sealed class Attention : nn.Module<Tensor, TContext, Tensor>
    {
        [ComponentName(Name = "self")]
        private readonly nn.Module<Tensor, TContext, Tensor> _self;

        [ComponentName(Name = "output")]
        private readonly DenseAddNorm _output;

        public Attention(EncoderSizes sizes, nn.Module<Tensor, TContext, Tensor> selfAttention)
            : base(nameof(Attention))
        {
            _self = selfAttention;
            _output = new DenseAddNorm(sizes.HiddenSize, sizes);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, TContext context) => _output.call(_self.call(input, context), input);
    }

    private sealed class DenseAddNorm : nn.Module<Tensor, Tensor, Tensor>
    {
        [ComponentName(Name = "dense")]
        private readonly LinearLayer _dense;

        [ComponentName(Name = "LayerNorm")]
        private readonly NormalizationLayer _norm;

        public DenseAddNorm(long inputSize, EncoderSizes sizes)
            : base(nameof(DenseAddNorm))
        {
            _dense = new LinearLayer(inputSize, sizes.HiddenSize);
            _norm = new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input, Tensor residual) => _norm.call(_dense.call(input).Plus(residual));
    }
}
