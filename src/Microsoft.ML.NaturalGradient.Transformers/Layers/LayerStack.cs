using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Applies layers one after the other.</summary>
internal static class LayerStack
{
    /// <summary>Applies the layers that are still to be computed, each when its output is asked for.</summary>
    /// <typeparam name="TLayer">A layer.</typeparam>
    /// <param name="start">The embeddings' output, or the states of <paramref name="frozen"/>, [N, T, D].</param>
    /// <param name="frozen">What the first layers gave; null for nothing.</param>
    /// <param name="layers">All layers.</param>
    /// <param name="apply">Computes a layer's output.</param>
    /// <param name="packed">How the rows are to lie that layers read; null where each is on its own.</param>
    /// <returns><paramref name="start"/> and the output of each layer after it.</returns>
    public static IEnumerable<LayerStates> States<TLayer>(
        Tensor start, FrozenStates? frozen, IEnumerable<TLayer> layers, Func<TLayer, Tensor, Tensor> apply, PackedRows? packed = null)
    {
        yield return new LayerStates(start, null);
        var states = packed?.Pack(start) ?? start;
        foreach (var layer in layers.Skip(frozen?.Layers ?? 0))
        {
            using (packed?.Enter())
            {
                states = apply(layer, states);
            }

            yield return new LayerStates(states, packed);
        }
    }
}
