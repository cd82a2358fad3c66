using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A network as a checkpoint has it.</summary>
/// <param name="network">The network; owned by whoever takes it.</param>
/// <param name="storedTypes">Element type in the file, by the network's parameter names, which begin with its prefix.</param>
internal sealed class LoadedNetwork(PretrainedNetwork network, IReadOnlyDictionary<string, ScalarType> storedTypes)
{
    /// <summary>The network; owned by whoever takes it.</summary>
    public PretrainedNetwork Network { get; } = network;

    /// <summary>Element type in the file, by the network's parameter names, which begin with its prefix.</summary>
    public IReadOnlyDictionary<string, ScalarType> StoredTypes { get; } = storedTypes;
}
