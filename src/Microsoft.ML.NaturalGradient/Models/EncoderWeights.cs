using Microsoft.ML.NaturalGradient.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>Reads the weights of an encoder and of its classification head from a checkpoint.</summary>
internal static class EncoderWeights
{
    /// <summary>Fills an encoder, all of it or nothing.</summary>
    /// <param name="encoder">The encoder; changed.</param>
    /// <param name="weights">The checkpoint's weights.</param>
    /// <param name="optional">Which weights, by names that begin with the encoder's prefix, may be absent; null for none.</param>
    /// <returns>Element type in the file, by the encoder's parameter names, which begin with its prefix.</returns>
    /// <exception cref="InvalidDataException">The weights do not fit the encoder; the message lists what differs.</exception>
    public static IReadOnlyDictionary<string, ScalarType> Load(PretrainedNetwork encoder, ISafetensors weights, Func<string, bool>? optional = null)
    {
        var unread = encoder.named_buffers().ToArray();
        var named = encoder.named_parameters().Select(pair => (pair.name, (Tensor)pair.parameter)).Concat(unread);
        var loaded = CheckpointLoader.Load(
            named, weights, [encoder.Prefix + "."],
            name => optional?.Invoke(encoder.NameOf(name)) == true || unread.Any(buffer => buffer.name == name));
        CheckpointLeftovers.Check(loaded, weights.Description, encoder);
        return loaded.StoredTypes.ToDictionary(pair => encoder.NameOf(pair.Key), pair => pair.Value);
    }

    /// <summary>Copies the checkpoint's own classification head.</summary>
    /// <param name="head">The names of its layers.</param>
    /// <param name="weights">The checkpoint's weights.</param>
    /// <returns>The head as a safetensors file; <see langword="null"/> if there is none.</returns>
    public static byte[]? ReadHead(HeadLayout head, ISafetensors weights)
    {
        var names = weights.Names.Where(head.Owns).ToArray();
        if (names.Length == 0)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        using var content = new MemoryStream();
        SafetensorsWriter.Write(
            content, names.Select(name => new SafetensorsEntry(name, weights.Read(name, weights.TypeOf(name)), weights.TypeOf(name))));
        return content.ToArray();
    }
}
