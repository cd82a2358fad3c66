using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Finds the first layer whose output is not finite, in the forward passes of one thread until it is disposed.</summary>
internal sealed class LayerWatch : IDisposable
{
    [ThreadStatic]
    private static LayerWatch? _current;

    /// <summary>Starts the watch.</summary>
    public LayerWatch()
    {
        _current = this;
    }

    /// <summary>The layer; null while all outputs are finite.</summary>
    public nn.Module? Found { get; private set; }

    /// <summary>Shows a layer's output to the watch of this thread, if there is one.</summary>
    /// <returns>The output.</returns>
    public static Tensor See(nn.Module layer, Tensor output)
    {
        if (_current is { Found: null } watch && !output.IsFinite())
        {
            watch.Found = layer;
        }

        return output;
    }

    /// <inheritdoc/>
    public void Dispose() => _current = null;
}
