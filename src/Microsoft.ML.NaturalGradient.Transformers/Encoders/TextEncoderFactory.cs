using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.T5;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>Chooses the architecture by the <c>model_type</c> of a configuration.</summary>
internal static class TextEncoderFactory
{
    private static readonly Dictionary<string, Func<ModelConfig, TextEncoder>> Known = new(StringComparer.Ordinal)
    {
        ["bert"] = config => new BertEncoder(BertConfig.Read(config)),
        ["deberta-v2"] = config => new DebertaV2Encoder(DebertaV2Config.Read(config)),
        ["distilbert"] = config => new DistilBertEncoder(DistilBertConfig.Read(config)),
        ["electra"] = config => new ElectraEncoder(ElectraConfig.Read(config)),
        ["modernbert"] = config => new ModernBertEncoder(ModernBertConfig.Read(config)),
        ["roberta"] = config => new RobertaEncoder(RobertaConfig.Read(config)),
        ["xlm-roberta"] = config => new RobertaEncoder(RobertaConfig.Read(config)),
    };

    /// <summary>Creates an encoder with empty weights.</summary>
    /// <param name="config">The configuration.</param>
    /// <returns>The encoder; owned by the caller.</returns>
    /// <exception cref="NotSupportedException">The architecture is not known; the message lists the known ones.</exception>
    /// <exception cref="InvalidDataException">The configuration is incomplete or contradicts itself.</exception>
    public static TextEncoder Create(ModelConfig config) => Known.TryGetValue(config.ModelType, out var create)
        ? create(config)
        : throw new NotSupportedException(
            $"The model's architecture is '{config.ModelType}', which is not supported. Known are: {string.Join(", ", Known.Keys.Append(T5Config.ModelType).Order(StringComparer.Ordinal))}.");
}
