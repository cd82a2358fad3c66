using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>The bias [O] of a convolution with output [N, O, H, W]: G_n = Σ over pixels of E_n.</summary>
/// <param name="bias">The bias, [O].</param>
internal sealed class ChannelBiasUse(Parameter bias) : ParameterUse(bias)
{
    /// <inheritdoc/>
    public override string Kind => "biases";

    /// <inheritdoc/>
    public override Tensor PerSampleGradient(Tensor outputGradient) => outputGradient.flatten(2).sum(2); // [N, O]

    /// <inheritdoc/>
    public override (Tensor Inputs, Tensor Errors)? LinearPair(Tensor outputGradient)
    {
        var errors = outputGradient.flatten(2).transpose(1, 2); // [N, L, O]
        return (errors.narrow(2, 0, 0), errors);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
    }
}
