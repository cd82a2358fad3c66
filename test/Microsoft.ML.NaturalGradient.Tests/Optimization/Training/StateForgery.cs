using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Training;

/// <summary>Changes states of training runs as somebody can who knows how they are made: their SHA-256 fits.</summary>
internal static class StateForgery
{
    /// <summary>Changes how far a run had come.</summary>
    /// <param name="path">The state.</param>
    /// <param name="change">Changes the position, a JSON text.</param>
    /// <param name="weight">What all weights become; null leaves them.</param>
    public static void Change(string path, Func<string, string> change, float? weight = null)
    {
        using var file = SafetensorsFile.FromMemory(File.ReadAllBytes(path), path);
        var parts = file.Names.Select(name => (Name: name, Tensor: file.Describe(name))).ToArray();
        var (position, identity) = (change(file.Metadata["position"]), file.Metadata["identity"]);
        var hash = ContentHash.Of(stream =>
        {
            foreach (var (name, tensor) in parts.OrderBy(part => part.Name, StringComparer.Ordinal))
            {
                stream.Write(Encoding.UTF8.GetBytes($"{name}\n{tensor.Type}\n{string.Join(',', tensor.Shape)}\n"));
                stream.Write(Bytes(name, tensor));
            }

            stream.Write(Encoding.UTF8.GetBytes($"{position}\n{identity}"));
        });
        using var forged = File.Create(path);
        SafetensorsFormat.Write(
            forged, [.. parts.Select(part => new SafetensorsPart(part.Name, part.Tensor.Type, part.Tensor.Shape, stream => stream.Write(Bytes(part.Name, part.Tensor))))],
            new Dictionary<string, string> { ["position"] = position, ["identity"] = identity, ["sha256"] = hash });

        ReadOnlySpan<byte> Bytes(string name, SafetensorsTensor tensor)
        {
            var count = (int)(tensor.End - tensor.Begin) / tensor.Type.Size();
            return weight is { } value && name.StartsWith("weights.", StringComparison.Ordinal)
                ? MemoryMarshal.AsBytes<float>(Enumerable.Repeat(value, count).ToArray())
                : file.BytesOf(name, 0, count);
        }
    }
}
