namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>What an architecture calls the sizes in its configuration; the defaults are the names that most use.</summary>
internal sealed record EncoderFields
{
    public string HiddenSize { get; init; } = "hidden_size";

    public string LayerCount { get; init; } = "num_hidden_layers";

    public string HeadCount { get; init; } = "num_attention_heads";

    public string IntermediateSize { get; init; } = "intermediate_size";

    public string Activation { get; init; } = "hidden_act";

    /// <summary>Null where ε is <see cref="DefaultEpsilon"/> whatever the configuration says.</summary>
    public string? LayerNormEpsilon { get; init; } = "layer_norm_eps";

    /// <summary>ε where the configuration does not say.</summary>
    public double DefaultEpsilon { get; init; } = 1e-12;
}
