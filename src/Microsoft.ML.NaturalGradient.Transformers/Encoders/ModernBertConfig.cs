using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>The sizes and settings of a ModernBERT encoder, as its config.json gives them.</summary>
internal sealed record ModernBertConfig
{
    private const string Global = "full_attention";
    private const string Local = "sliding_attention";
    private const string Mean = "mean";
    private const string First = "cls";
    private const string Period = "global_attn_every_n_layers";

    private static readonly EncoderFields Fields = new()
    {
        Activation = "hidden_activation",
        LayerNormEpsilon = "norm_eps",
        DefaultEpsilon = 1e-5,
    };

    public required EncoderSizes Sizes { get; init; }

    /// <summary>For each layer, whether it attends to near tokens only.</summary>
    public required IReadOnlyList<bool> IsLocal { get; init; }

    /// <summary>Width of the window of local layers, both sides together.</summary>
    public required int Window { get; init; }

    /// <summary>Base of the rotary frequencies of global layers.</summary>
    public required double GlobalTheta { get; init; }

    /// <summary>Base of the rotary frequencies of local layers.</summary>
    public required double LocalTheta { get; init; }

    public required bool AttentionBias { get; init; }

    public required bool FeedForwardBias { get; init; }

    public required bool NormalizationBias { get; init; }

    public required bool HeadBias { get; init; }

    public required string HeadActivation { get; init; }

    /// <summary>Whether the checkpoint's own head reads the mean of the tokens and not the first.</summary>
    public required bool HeadReadsMean { get; init; }

    /// <summary>Reads and checks the configuration.</summary>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static ModernBertConfig Read(ModelConfig config)
    {
        var sizes = EncoderSizes.Read(config, Fields);
        var headSize = sizes.HiddenSize / sizes.HeadCount;
        if (headSize % 2 != 0)
        {
            throw new InvalidDataException(
                $"The configuration has hidden_size {sizes.HiddenSize} and num_attention_heads {sizes.HeadCount}, so heads of width {headSize}; rotary "
                + "positions need an even width. Fetch the model's files again.");
        }

        var globalTheta = Theta(config, Global, "global_rope_theta", 160_000);
        var pooling = config.OptionalString("classifier_pooling", First);
        return new ModernBertConfig
        {
            Sizes = sizes,
            IsLocal = Layers(config, sizes.LayerCount),
            Window = EncoderSizes.Positive(config, "local_attention"),
            GlobalTheta = globalTheta,
            // A field that is there but null stands for "as in global layers".
            LocalTheta = Theta(config, Local, "local_rope_theta", config.KindOf("local_rope_theta") == JsonValueKind.Null ? globalTheta : 10_000),
            AttentionBias = config.OptionalBool("attention_bias", false),
            FeedForwardBias = config.OptionalBool("mlp_bias", false),
            NormalizationBias = config.OptionalBool("norm_bias", false),
            HeadBias = config.OptionalBool("classifier_bias", false),
            HeadActivation = config.OptionalString("classifier_activation", "gelu"),
            HeadReadsMean = pooling is First or Mean
                ? pooling == Mean
                : throw new NotSupportedException(
                    $"The model uses classifier_pooling '{pooling}'. Supported are {First} and {Mean}. Use another checkpoint."),
        };
    }

    // Newer files name the kind of each layer, older ones say how often a global layer comes.
    private static IReadOnlyList<bool> Layers(ModelConfig config, int count)
    {
        var kinds = config.OptionalStrings("layer_types");
        if (kinds.Count == 0)
        {
            var period = config.KindOf(Period) is JsonValueKind.Undefined ? 3 : EncoderSizes.Positive(config, Period);
            return [.. Enumerable.Range(0, count).Select(layer => layer % period != 0)];
        }

        if (kinds.Count != count || kinds.Any(kind => kind is not (Global or Local)))
        {
            throw new InvalidDataException(
                $"The configuration has layer_types {string.Join(", ", kinds)} for {count} layers; each must be {Global} or {Local}. "
                + "Fetch the model's files again.");
        }

        return [.. kinds.Select(kind => kind == Local)];
    }

    private static double Theta(ModelConfig config, string attention, string field, double defaultValue)
    {
        var section = config.Section("rope_parameters")?.Section(attention);
        var type = section?.OptionalString("rope_type", "default") ?? "default";
        if (type != "default" || config.KindOf("rope_scaling") is not (JsonValueKind.Undefined or JsonValueKind.Null))
        {
            throw new NotSupportedException(
                $"The model changes its rotary positions (rope_type '{type}', or rope_scaling), which is not supported. Use another checkpoint.");
        }

        var theta = config.OptionalDouble(field, defaultValue);
        theta = section?.OptionalDouble("rope_theta", theta) ?? theta;
        // Less would make frequencies that grow beyond what float32 holds.
        return theta >= 1 ? theta : throw ModelConfig.OutOfRange(field, theta, "at least 1");
    }
}
