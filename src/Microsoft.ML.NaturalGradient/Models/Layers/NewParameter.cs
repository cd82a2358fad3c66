using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Makes the parameters of layers.</summary>
internal static class NewParameter
{
    /// <summary>Makes a parameter that no dispose scope owns: TorchSharp would let the caller's scope free it under the module.</summary>
    /// <param name="initialValue">Makes the initial value.</param>
    /// <returns>The parameter; owned by the module that registers it.</returns>
    public static Parameter Of(Func<Tensor> initialValue)
    {
        using var scope = NewDisposeScope();
        var parameter = nn.Parameter(initialValue());
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
