using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Vectors over all parameters, in their order, and the same by parameter.</summary>
internal static class FlatVector
{
    public static ParameterVector Split(Tensor flat, IReadOnlyList<Parameter> parameters)
    {
        var (parts, start) = (new List<Tensor>(), 0L);
        foreach (var parameter in parameters)
        {
            parts.Add(flat.narrow(0, start, parameter.numel()).view(parameter.shape));
            start += parameter.numel();
        }

        return new ParameterVector(parameters, parts);
    }

    public static Tensor Join(ParameterVector parts, IReadOnlyList<Parameter> parameters) =>
        cat([.. parameters.Select(parameter => parts[parameter].detach().flatten())]);

    public static void Set(IReadOnlyList<Parameter> parameters, Tensor flat)
    {
        using var noGrad = no_grad();
        foreach (var (parameter, part) in parameters.Zip(Split(flat, parameters).Parts))
        {
            parameter.copy_(part);
        }
    }
}
