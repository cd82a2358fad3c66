using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.NasBert;

/// <summary>A NAS-BERT layer of two separable convolutions, each added to what it reads and normalised.</summary>
/// <remarks>A convolution reads zeros at padding; what is added to its output is what it was given. The map between features is a linear layer.</remarks>
internal sealed class NasBertConvolutions : nn.Module<Tensor, NasBertContext, Tensor>, IOnnxContextLayer
{
    [ComponentName(Name = "Conv1")]
    private readonly Activated _first;

    [ComponentName(Name = "LayerNorm1")]
    private readonly NormalizationLayer _firstNorm;

    [ComponentName(Name = "Conv2")]
    private readonly Activated _second;

    [ComponentName(Name = "LayerNorm2")]
    private readonly NormalizationLayer _secondNorm;

    /// <summary>Creates the layer with empty weights.</summary>
    /// <param name="width">Width D.</param>
    /// <param name="kernelSize">Tokens K that a convolution reads.</param>
    /// <param name="sizes">The encoder's sizes.</param>
    public NasBertConvolutions(int width, int kernelSize, EncoderSizes sizes)
        : base(nameof(NasBertConvolutions))
    {
        _first = new Activated(width, kernelSize, sizes);
        _firstNorm = new NormalizationLayer(width, sizes.LayerNormEpsilon);
        _second = new Activated(width, kernelSize, sizes);
        _secondNorm = new NormalizationLayer(width, sizes.LayerNormEpsilon);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, NasBertContext context)
    {
        var between = _firstNorm.call(_first.call(context.WithoutPadding(input)).Plus(input));
        return _secondNorm.call(_second.call(context.WithoutPadding(between)).Plus(between));
    }

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context)
    {
        using var scope = graph.Enter(this);
        var between = _firstNorm.Emit(graph, graph.Add(_first.Emit(graph, graph.Mul(input, context.Tokens!)), input));
        return _secondNorm.Emit(graph, graph.Add(_second.Emit(graph, graph.Mul(between, context.Tokens!)), between));
    }

    // Modules in modules, as the names of the file have them: Conv1.conv.Conv.conv1.
    private sealed class Activated : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        private readonly Activation _activation;

        [ComponentName(Name = "conv")]
        private readonly Wrapped _convolution;

        public Activated(int width, int kernelSize, EncoderSizes sizes)
            : base(nameof(Activated))
        {
            _activation = Activation.Named(sizes.Activation);
            _convolution = new Wrapped(width, kernelSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _activation.Apply(_convolution.call(input));

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
        {
            using var scope = graph.Enter(this);
            return _activation.Emit(graph, _convolution.Emit(graph, input));
        }
    }

    private sealed class Wrapped : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        [ComponentName(Name = "Conv")]
        private readonly Separable _convolution;

        public Wrapped(int width, int kernelSize)
            : base(nameof(Wrapped))
        {
            _convolution = new Separable(width, kernelSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _convolution.call(input);

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input) => _convolution.Emit(graph, input);
    }

    private sealed class Separable : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        [ComponentName(Name = "conv1")]
        private readonly DepthwiseConvolution _depthwise;

        [ComponentName(Name = "conv2")]
        private readonly LinearLayer _pointwise;

        public Separable(int width, int kernelSize)
            : base(nameof(Separable))
        {
            _depthwise = new DepthwiseConvolution(width, kernelSize);
            _pointwise = new LinearLayer(width, width);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _pointwise.call(_depthwise.call(input));

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input) => _pointwise.Emit(graph, _depthwise.Emit(graph, input));
    }
}
