using System.Globalization;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Tells pretrained models apart, for saved models that hold an adapter but not the weights it belongs to.</summary>
internal static class BaseFingerprint
{
    private const char LayersMark = ':';

    /// <summary>The SHA-256 of a checkpoint's weight file, as hubs show it and <c>sha256sum</c> computes it.</summary>
    /// <remarks>
    /// Weights in several files have the SHA-256 of the list of their hashes, in the order of their names:
    /// <c>LC_ALL=C sha256sum model-*-of-*.safetensors | sha256sum</c>. A model of its first layers only has their number after a colon.
    /// </remarks>
    /// <param name="files">The checkpoint.</param>
    /// <returns>64 lower-case hexadecimal digits; then a colon and the number of layers where the upper ones are left out.</returns>
    /// <exception cref="FileNotFoundException">The checkpoint has no weight file, or a part of it is missing.</exception>
    /// <exception cref="InvalidDataException">The index of the parts is damaged.</exception>
    public static string Compute(CheckpointFiles files) =>
        files.KeptLayers is { } count ? FormattableString.Invariant($"{OfWeights(files)}{LayersMark}{count}") : OfWeights(files);

    /// <summary>How many layers of a model a fingerprint means.</summary>
    /// <param name="fingerprint">What <see cref="Compute"/> gave.</param>
    /// <returns>Their number; null for all.</returns>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public static int? LayersOf(string fingerprint)
    {
        var place = fingerprint.IndexOf(LayersMark, StringComparison.Ordinal);
        if (place < 0)
        {
            return null;
        }

        return int.TryParse(fingerprint.AsSpan(place + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0
            ? count
            : throw new InvalidDataException($"The saved model names its base by '{fingerprint}', which ends with no number of layers. Save it again.");
    }

    private static string OfWeights(CheckpointFiles files)
    {
        if (!files.IsSharded)
        {
            return OfFile(files, files.WeightsFile);
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
