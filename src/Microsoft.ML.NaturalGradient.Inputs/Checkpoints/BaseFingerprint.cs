using System.Text;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Tells pretrained models apart, for saved models that hold an adapter but not the weights it belongs to.</summary>
internal static class BaseFingerprint
{
    /// <summary>The SHA-256 of a checkpoint's weight file, as hubs show it and <c>sha256sum</c> computes it.</summary>
    /// <remarks>
    /// Weights in several files have the SHA-256 of the list of their hashes, in the order of their names:
    /// <c>LC_ALL=C sha256sum model-*-of-*.safetensors | sha256sum</c>.
    /// </remarks>
    /// <param name="files">The checkpoint.</param>
    /// <returns>64 lower-case hexadecimal digits.</returns>
    /// <exception cref="FileNotFoundException">The checkpoint has no weight file, or a part of it is missing.</exception>
    /// <exception cref="InvalidDataException">The index of the parts is damaged.</exception>
    public static string Compute(CheckpointFiles files)
    {
        if (!files.IsSharded)
        {
            return OfFile(files, CheckpointFiles.WeightsName);
        }
        var lines = files.ReadIndex().Files.Select(name => $"{OfFile(files, name)}  {name}\n");
        return ContentHash.Of(Encoding.UTF8.GetBytes(string.Concat(lines)));
    }

    private static string OfFile(CheckpointFiles files, string name)
    {
        using var content = files.Open(name);
        return ContentHash.Of(content);
    }
}
