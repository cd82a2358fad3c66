using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>What checkpoints call the parameters of a network.</summary>
internal static class ParameterNames
{
    /// <summary>All parameters by their checkpoint names; adapters leave no trace.</summary>
    /// <param name="network">The network, registered under checkpoint names.</param>
    /// <returns>The parameters, in the order of the modules.</returns>
    public static IEnumerable<NamedParameter> Of(nn.Module network)
    {
        foreach (var (name, module) in network.named_modules())
        {
            var local = module is LinearAdapter adapter
                ? adapter.Weights
                : module.named_parameters(recurse: false).Select(pair => (pair.name, pair.parameter));
            var path = module is LinearAdapter ? name[..^(LinearLayer.AdapterName.Length + 1)] : name;
            foreach (var (suffix, value) in local)
            {
                yield return new NamedParameter($"{path}.{suffix}", value);
            }
        }
    }
}
