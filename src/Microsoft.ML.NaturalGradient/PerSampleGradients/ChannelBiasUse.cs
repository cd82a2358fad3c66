using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>The bias [O] of a convolution with output [N, O, H, W]: G_n = Σ over pixels of E_n.</summary>
/// <param name="bias">The bias, [O].</param>
internal sealed class ChannelBiasUse(Parameter bias) : ParameterUse(bias)
{
    /// <inheritdoc/>
    public override Tensor PerSampleGradient(Tensor outputGradient) => outputGradient.flatten(2).sum(2); // [N, O]

    /// <inheritdoc/>
    public override void Dispose()
    {
    }
}
