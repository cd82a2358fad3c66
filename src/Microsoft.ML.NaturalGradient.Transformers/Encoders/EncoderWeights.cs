using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>Reads the weights of an encoder and of its classification head from a checkpoint.</summary>
internal static class EncoderWeights
{
    private const int Spare = 1000;

    /// <summary>Creates an encoder once it is sure that a checkpoint's weights fit it: sizes of a configuration are not believed before.</summary>
    /// <param name="create">Creates the encoder with empty weights.</param>
    /// <param name="weights">The checkpoint's weights.</param>
    /// <param name="elsewhere">
    /// Shapes of the weights that another file holds, by names that begin with the encoder's prefix; they may be absent from this one. Null for none.
    /// </param>
    /// <param name="rename">What the checkpoint calls a weight; null where it calls it as the encoder does.</param>
    /// <returns>The encoder with empty weights; owned by the caller.</returns>
    /// <exception cref="InvalidDataException">The weights do not fit; the message lists what differs. No memory was taken for weights.</exception>
    public static TNetwork Create<TNetwork>(
        Func<TNetwork> create, ISafetensors weights, IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere = null, Func<string, string>? rename = null)
        where TNetwork : PretrainedNetwork
    {
        // Where the configuration has a few layers too many, the comparison lists what is missing; where it has millions, they are not made.
        using (var sizes = NewParameter.WithoutMemory(create, Spare + (2 * (weights.Names.Count + (elsewhere?.Count ?? 0)))))
        {
            // Names with the prefix, as those elsewhere; the file's may be with or without.
            var wanted = sizes.named_parameters().Select(pair => (sizes.NameOf(pair.name), (Tensor)pair.parameter));
            CheckpointLoader.Check(
                rename is null ? wanted : wanted.Select(pair => (rename(pair.Item1), pair.Item2)), weights, Prefixes(sizes), elsewhere);
        }

        return create();
    }

    /// <summary>Fills an encoder, all of it or nothing.</summary>
    /// <param name="encoder">The encoder; changed.</param>
    /// <param name="weights">The checkpoint's weights.</param>
    /// <param name="elsewhere">The weights that may be absent; see <see cref="Create"/>.</param>
    /// <returns>Element type in the file, by the encoder's parameter names, which begin with its prefix.</returns>
    /// <exception cref="InvalidDataException">The weights do not fit the encoder; the message lists what differs.</exception>
    public static IReadOnlyDictionary<string, ScalarType> Load(PretrainedNetwork encoder, ISafetensors weights, IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere = null)
    {
        var unread = encoder.named_buffers().ToArray();
        var named = encoder.named_parameters().Select(pair => (pair.name, (Tensor)pair.parameter)).Concat(unread);
        var loaded = CheckpointLoader.Load(
            named, weights, Prefixes(encoder),
            name => elsewhere?.ContainsKey(encoder.NameOf(name)) == true || unread.Any(buffer => buffer.name == name));
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

    private static string[] Prefixes(PretrainedNetwork network) => network.Prefix.Length == 0 ? [] : [network.Prefix + "."];
}
