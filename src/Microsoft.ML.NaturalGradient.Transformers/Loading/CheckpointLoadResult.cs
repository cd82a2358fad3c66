using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>What <see cref="CheckpointLoader"/> found in a file.</summary>
internal sealed class CheckpointLoadResult
{
    /// <summary>The prefix that the file's names carry; empty for none.</summary>
    public required string Prefix { get; init; }

    /// <summary>Optional parameters that the file does not have; they keep their values.</summary>
    public required IReadOnlyList<string> Missing { get; init; }

    /// <summary>Names in the file that no parameter asked for.</summary>
    public required IReadOnlyList<string> Unused { get; init; }

    /// <summary>Element type in the file of each parameter that was loaded, by the parameter's name.</summary>
    public required IReadOnlyDictionary<string, ScalarType> StoredTypes { get; init; }
}
