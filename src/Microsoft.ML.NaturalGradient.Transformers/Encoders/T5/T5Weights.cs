using Microsoft.ML.NaturalGradient.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.T5;

/// <summary>Creates a T5 network from a checkpoint's configuration and weights.</summary>
/// <remarks>
/// The embedding is stored under up to four names, and files differ in which of them they have. Whether the head is tied is what the
/// configuration says; transformers 5 says it of every model, so with its files it is what the weights show.
/// </remarks>
internal static class T5Weights
{
    private const string Table = "shared.weight";
    private const string Head = "lm_head.weight";

    // In models converted from the first release, which no layer reads.
    private const string Unread = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";

    private static readonly string[] Copies = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];

    /// <summary>Reads a network.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="file">The weights; owned by the caller.</param>
    /// <param name="elsewhere">Shapes of the weights that another file holds, which may be absent and stay zero; null for none.</param>
    /// <returns>The network on the CPU, in float32, owned by the caller.</returns>
    /// <exception cref="InvalidDataException">The weights do not fit the configuration; the message says how.</exception>
    public static LoadedNetwork Load(
        T5Config config, ISafetensors file, IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere = null)
    {
        var names = Copies.Prepend(Table).Concat(config.IsTied ? [Head] : []).Where(file.Contains).ToArray();
        var table = names.FirstOrDefault(Table);
        var others = names.Skip(1).Where(name => !AreEqual(file, table, name)).ToArray();
        if (others is [Head] && config.StatesScaling)
        {
            config = config with { IsTied = false };
        }
        else if (others.Length > 0)
        {
            throw new InvalidDataException(
                $"In {file.Description} '{others[0]}' differs from '{table}', though the model has one embedding for both. " + (others[0] == Head
                    ? "If it has a head of its own, set tie_word_embeddings to false in config.json; else fetch the model's files again."
                    : "Fetch the model's files again."));
        }

        var network = EncoderWeights.Create(() => new T5Network(config), file, elsewhere, name => name == Table ? table : name);
        try
        {
            var parameters = network.named_parameters().Select(
                pair => (Name: pair.name == Table ? table : pair.name, Value: (Tensor)pair.parameter));
            var result = CheckpointLoader.Load(parameters, file, [], name => elsewhere?.ContainsKey(name) == true);
            CheckUnused(file, [.. result.Unused.Except(names).Where(name => name != Unread)]);
            return new LoadedNetwork(network, result.StoredTypes.ToDictionary(pair => pair.Key == table ? Table : pair.Key, pair => pair.Value));
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    private static bool AreEqual(ISafetensors file, string first, string second)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return file.ShapeOf(first).SequenceEqual(file.ShapeOf(second))
            && file.Read(first, file.TypeOf(first)).equal(file.Read(second, file.TypeOf(first))).all().item<bool>();
    }

    private static void CheckUnused(ISafetensors file, string[] names)
    {
        if (names.Length > 0)
        {
            throw new InvalidDataException(
                $"{file.Description} has {names.Length} tensors that the configuration has no place for: {MessageText.Few(names)}. "
                + "Check that the configuration and the weights belong together.");
        }
    }
}
