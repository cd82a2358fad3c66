using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>The layers of an image encoder, one after the other.</summary>
internal sealed class ImageLayers : nn.Module
{
    [ComponentName(Name = "layer")]
    private readonly ModuleList<nn.Module<Tensor, Tensor>> _layers;

    /// <summary>Registers the layers.</summary>
    /// <param name="layers">The layers; owned by this object from now on.</param>
    public ImageLayers(IEnumerable<nn.Module<Tensor, Tensor>> layers)
        : base(nameof(ImageLayers))
    {
        _layers = new ModuleList<nn.Module<Tensor, Tensor>>([.. layers]);
        RegisterComponents();
    }

    /// <summary>Applies the layers, each when its output is asked for.</summary>
    /// <param name="start">The embeddings' output, or that of the first layers, [N, T, D].</param>
    /// <param name="frozen">What the first layers gave; null for nothing.</param>
    /// <returns><paramref name="start"/> and the output of each layer after it.</returns>
    public IEnumerable<Tensor> States(Tensor start, FrozenStates? frozen) => LayerStack.States(start, frozen, _layers, (layer, states) => layer.call(states)).Select(states => states.Vectors);

    /// <summary>Writes the layers into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="start">The embeddings' output, [N, T, D].</param>
    /// <returns>The output of the last layer, [N, T, D].</returns>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue start) => _layers.Aggregate(start, (states, layer) => ((IOnnxLayer)layer).Emit(graph, states));
}
