using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>A vector [O] added at every position (a bias, the shift of a normalisation): G_n = Σ_t E_nt.</summary>
/// <param name="bias">The bias, [O].</param>
internal sealed class BiasUse(Parameter bias) : ParameterUse(bias)
{
    /// <inheritdoc/>
    public override string Kind => "biases";

    /// <inheritdoc/>
    public override Tensor PerSampleGradient(Tensor outputGradient) =>
        outputGradient.reshape(outputGradient.shape[0], -1, outputGradient.shape[^1]).sum(1); // [N, O]

    /// <inheritdoc/>
    public override (Tensor Inputs, Tensor Errors)? LinearPair(Tensor outputGradient)
    {
        var errors = outputGradient.reshape(outputGradient.shape[0], -1, outputGradient.shape[^1]); // [N, T, O]
        return (errors.narrow(2, 0, 0), errors);
    }

    /// <inheritdoc/>
    public override Tensor PositionGradients(Tensor outputGradient) => outputGradient.reshape(-1, outputGradient.shape[^1]); // [N·T, O]

    /// <inheritdoc/>
    public override ParameterUse Apart(PackedRows packed) => new BiasUse(Parameter);

    /// <inheritdoc/>
    public override void Dispose()
    {
    }
}
