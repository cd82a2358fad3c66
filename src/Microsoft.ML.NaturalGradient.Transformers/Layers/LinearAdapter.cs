using Microsoft.ML.NaturalGradient.Models.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>Something trainable attached to one linear layer, whose own weight stays as it is.</summary>
internal abstract class LinearAdapter : nn.Module
{
    private protected LinearAdapter(string name)
        : base(name)
    {
    }

    /// <summary>The adapter's parameters by the end of their checkpoint names, for example <c>lora_A.weight</c>.</summary>
    public abstract IEnumerable<(string Suffix, Parameter Value)> Weights { get; }

    /// <summary>Computes the adapted output.</summary>
    /// <param name="layer">The layer this is attached to.</param>
    /// <param name="input">Input of the layer, [N, ..., I].</param>
    /// <returns>[N, ..., O]; in the caller's dispose scope.</returns>
    public abstract Tensor Apply(LinearLayer layer, Tensor input);

    /// <summary>Computes the weight of a plain layer that does the same.</summary>
    /// <param name="weight">The layer's own weight, [O, I]; not modified.</param>
    /// <returns>[O, I]; outside the autograd graph, in the caller's dispose scope.</returns>
    public abstract Tensor Merged(Tensor weight);
}
