using System.Security.Cryptography;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Tells pretrained models apart, for saved models that hold an adapter but not the weights it belongs to.</summary>
internal static class BaseFingerprint
{
    /// <summary>The SHA-256 of a checkpoint's weight file, as hubs show it and <c>sha256sum</c> computes it.</summary>
    /// <param name="files">The checkpoint.</param>
    /// <returns>64 lower-case hexadecimal digits.</returns>
    /// <exception cref="FileNotFoundException">The checkpoint has no weight file.</exception>
    public static string Compute(CheckpointFiles files)
    {
        using var weights = files.Open(CheckpointFiles.WeightsName);
        return Convert.ToHexStringLower(SHA256.HashData(weights));
    }
}
