using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>A parameter expanded over the batch (soft prompt, class token, position embedding): G_n = E_n.</summary>
/// <remarks>The recorded output is the explicitly expanded [N, shape of the parameter] tensor.</remarks>
/// <param name="parameter">The parameter.</param>
/// <param name="kind">What parameters used like this are called, in the plural.</param>
internal sealed class BroadcastUse(Parameter parameter, string kind = "expanded parameters") : ParameterUse(parameter)
{
    /// <inheritdoc/>
    public override string Kind => kind;

    /// <inheritdoc/>
    public override Tensor PerSampleGradient(Tensor outputGradient) => outputGradient;

    /// <inheritdoc/>
    public override void Dispose()
    {
    }
}
