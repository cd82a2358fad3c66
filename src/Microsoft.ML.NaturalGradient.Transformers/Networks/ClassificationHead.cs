using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>What turns an encoder's pooled vector into one logit per class; trained as a whole.</summary>
internal sealed class ClassificationHead : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    private const double Deviation = 0.02;

    private readonly HeadLayout _layout;
    private readonly Activation _activation;

    [ComponentName(Name = "inner")]
    private readonly LinearLayer? _inner;

    [ComponentName(Name = "norm")]
    private readonly NormalizationLayer? _norm;

    [ComponentName(Name = "output")]
    private readonly LinearLayer _output;

    [ComponentName(Name = "second_output")]
    private readonly LinearLayer? _secondOutput;

    /// <summary>Creates a head with random weights and zero biases.</summary>
    /// <param name="layout">Its layers.</param>
    /// <param name="inputSize">Width D of the pooled vector; of half of it where there is a second output.</param>
    /// <param name="classCount">Classes C.</param>
    /// <param name="generator">Source of the weights, normal with deviation 0.02.</param>
    public ClassificationHead(HeadLayout layout, int inputSize, int classCount, Generator generator)
        : base(nameof(ClassificationHead))
    {
        _layout = layout;
        _activation = Activation.Named(layout.Activation);
        _inner = layout.Inner is null ? null : Random(new LinearLayer(inputSize, inputSize, layout.InnerBias), generator);
        _norm = layout.Norm is null ? null : new NormalizationLayer(inputSize, layout.NormEpsilon, layout.NormBias);
        _output = Random(new LinearLayer(inputSize, classCount), generator);
        _secondOutput = layout.SecondOutput is null ? null : Random(new LinearLayer(inputSize, classCount), generator);
        RegisterComponents();
    }

    /// <summary>The parameters by their checkpoint names.</summary>
    /// <remarks>Read anew each time, since a conversion of type or device replaces them.</remarks>
    public IEnumerable<NamedParameter> Named => Of(_layout.Inner, _inner).Concat(Of(_layout.Norm, _norm))
        .Concat(Of(_layout.Output, _output)).Concat(Of(_layout.SecondOutput, _secondOutput));

    /// <summary>The only layer; null where there are others.</summary>
    public LinearLayer? Linear => _inner is null && _norm is null && _secondOutput is null ? _output : null;

    /// <summary>The parameters of the last layers.</summary>
    public IEnumerable<Tensor> OutputParameters => Named.Where(named => IsOutput(named.Name)).Select(named => (Tensor)named.Value);

    /// <summary>Takes over a checkpoint's own head; of one for another number of classes all but the last layers.</summary>
    /// <param name="file">Tensors by checkpoint names; owned by the caller.</param>
    /// <returns>Whether the last layers are those of the checkpoint.</returns>
    /// <exception cref="InvalidDataException">The head in the file has other layers or shapes; the message lists what differs.</exception>
    public bool Load(SafetensorsFile file)
    {
        var output = $"{_layout.Output}.weight";
        var fits = !file.Contains(output) || file.ShapeOf(output)[0] == _output.OutputSize;
        CheckpointLoader.Load(Named.Where(named => fits || !IsOutput(named.Name)), file, []);
        return fits;
    }

    /// <summary>Changes the last layers so that every output z becomes scale · z + shift.</summary>
    /// <param name="scale">The scale.</param>
    /// <param name="shift">The shift.</param>
    public void RescaleOutputs(double scale, double shift)
    {
        _output.RescaleOutputs(scale, shift);
        _secondOutput?.RescaleOutputs(scale, shift);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor pooled) // [N, D] or, with a second output, [N, 2·D] -> [N, C]
    {
        if (_secondOutput is not null)
        {
            var halves = pooled.chunk(2, -1); // [N, D] each
            return _output.call(halves[0]).Plus(_secondOutput.call(halves[1])).Times(0.5);
        }

        if (_inner is not null)
        {
            pooled = _activation.Apply(_inner.call(pooled));
        }

        return _output.call(_norm is null ? pooled : _norm.call(pooled));
    }

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        if (_secondOutput is not null)
        {
            var halves = graph.Split(input, 2); // [N, D] each
            return graph.Mul(graph.Add(_output.Emit(graph, halves[0]), _secondOutput.Emit(graph, halves[1])), graph.Scalar(0.5));
        }

        var inner = _inner is null ? input : _activation.Emit(graph, _inner.Emit(graph, input));
        return _output.Emit(graph, _norm is null ? inner : _norm.Emit(graph, inner));
    }

    private bool IsOutput(string name) =>
        new[] { _layout.Output, _layout.SecondOutput }.Any(output => name.StartsWith(output + ".", StringComparison.Ordinal));

    private static LinearLayer Random(LinearLayer layer, Generator generator)
    {
        using var noGrad = no_grad();
        layer.parameters().First().normal_(0, Deviation, generator);
        return layer;
    }

    private static IEnumerable<NamedParameter> Of(string? name, nn.Module? layer) =>
        layer?.named_parameters().Select(pair => new NamedParameter($"{name}.{pair.name}", pair.parameter)) ?? [];
}
