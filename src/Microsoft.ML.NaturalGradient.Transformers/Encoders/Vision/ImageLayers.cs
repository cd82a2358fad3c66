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

    /// <summary>Applies the layers.</summary>
    /// <param name="embedded">The embeddings' output, [N, T, D].</param>
    /// <returns><paramref name="embedded"/> and each layer's output.</returns>
    public IReadOnlyList<Tensor> HiddenStates(Tensor embedded)
    {
        var states = new List<Tensor> { embedded };
        foreach (var layer in _layers)
        {
            states.Add(layer.call(states[^1]));
        }

        return states;
    }
}
