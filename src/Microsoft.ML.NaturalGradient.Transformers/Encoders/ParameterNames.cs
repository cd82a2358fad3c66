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
    /// <param name="prefix">What the names begin with; empty for nothing.</param>
    /// <returns>The parameters, in the order of the modules.</returns>
    public static IEnumerable<NamedParameter> Of(nn.Module network, string prefix = "")
    {
        foreach (var (name, module) in network.named_modules().Append(("", network)))
        {
            var path = string.Join('.', new[] { prefix, name }.Where(part => part.Length > 0));
            if (module is LinearAdapter adapter)
            {
                var layer = path[..^(LinearLayer.AdapterName.Length + 1)];
                foreach (var (suffix, value) in adapter.Weights)
                {
                    yield return new NamedParameter($"{layer}.{suffix}", value);
                }
            }
            else if (module is PromptAdapter prompt)
            {
                yield return new NamedParameter(PromptAdapter.CheckpointName, prompt.Vectors);
            }
            else
            {
                foreach (var (local, value) in module.named_parameters(recurse: false))
                {
                    yield return new NamedParameter($"{path}.{local}", module is LinearLayer layer && local == "weight" ? layer.OwnWeight : value);
                }
            }
        }
    }
}
