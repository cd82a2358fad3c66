using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>Refuses networks that put out numbers that are not finite, and says where these come from.</summary>
internal static class FiniteCheck
{
    /// <summary>Computes outputs.</summary>
    /// <param name="network">The network.</param>
    /// <param name="forward">Computes them with it, on this thread; called again to find the layer where they are not finite.</param>
    /// <param name="advice">What to do then.</param>
    /// <returns>The outputs, all finite.</returns>
    /// <exception cref="InvalidOperationException">They are not; the message names the weight or the layer.</exception>
    public static Tensor Outputs(AdaptedNetwork network, Func<Tensor> forward, string advice)
    {
        var outputs = forward();
        return outputs.IsFinite() ? outputs : throw new InvalidOperationException($"{Describe(network, forward)} {advice}");
    }

    /// <summary>Finds the first weight that has values that are not finite.</summary>
    /// <param name="weights">The weights.</param>
    /// <returns>What is wrong, in a sentence; null where all are finite.</returns>
    public static string? Describe(IEnumerable<NamedParameter> weights) => weights.FirstOrDefault(named => !named.Value.IsFinite()) is { Name: { } name }
        ? $"The weight '{name}' of the model has values that are not finite."
        : null;

    private static string Describe(AdaptedNetwork network, Func<Tensor> forward)
    {
        if (Describe(network.FrozenParameters.Concat(network.TrainableParameters)) is { } weight)
        {
            return weight;
        }

        using var scope = NewDisposeScope();
        using var watch = new LayerWatch();
        forward();
        return watch.Found is { } layer
            ? $"The outputs of the model are not finite, although its weights are: those of the layer '{NameOf(layer, network)}' are the first to overflow."
            : "The outputs of the model are not finite, although its weights and the outputs of all its layers are.";
    }

    private static string NameOf(nn.Module layer, AdaptedNetwork network)
    {
        var found = network.Base.named_modules().FirstOrDefault(named => ReferenceEquals(named.module, layer));
        return found.module is null
            ? network.named_modules().First(named => ReferenceEquals(named.module, layer)).name
            : network.Base.NameOf(found.name);
    }
}
