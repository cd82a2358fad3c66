using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>Something trainable attached to one linear layer, whose own weights stay as they are.</summary>
internal abstract class LinearAdapter : nn.Module
{
    private protected LinearAdapter(string name)
        : base(name)
    {
    }

    /// <summary>The adapter's parameters by the end of their checkpoint names, for example <c>lora_A.weight</c>.</summary>
    public abstract IEnumerable<(string Suffix, Parameter Value)> Weights { get; }

    /// <summary>Computes the adapted output.</summary>
    /// <param name="input">Input of the layer, [N, ..., I].</param>
    /// <param name="output">Output of the layer alone, [N, ..., O].</param>
    /// <returns>[N, ..., O]; in the caller's dispose scope.</returns>
    public abstract Tensor Apply(Tensor input, Tensor output);
}
