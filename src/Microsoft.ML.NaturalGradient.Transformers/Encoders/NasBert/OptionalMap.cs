using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.NasBert;

/// <summary>A linear map between parts of different widths, and nothing between parts of the same.</summary>
internal sealed class OptionalMap : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    // No field of its own, which TorchSharp would register once more under its name.
    private readonly IReadOnlyList<LinearLayer> _maps;

    /// <summary>Creates the map with empty weights.</summary>
    /// <param name="name">What the file calls it.</param>
    /// <param name="inputSize">Width that is read.</param>
    /// <param name="outputSize">Width that is given.</param>
    public OptionalMap(string name, int inputSize, int outputSize)
        : base(nameof(OptionalMap))
    {
        _maps = inputSize == outputSize ? [] : [new LinearLayer(inputSize, outputSize)];
        foreach (var map in _maps)
        {
            register_module(name, map);
        }
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => _maps is [var map] ? map.call(input) : input;

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input) => _maps is [var map] ? map.Emit(graph, input) : input;
}
