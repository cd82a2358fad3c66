using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Prompt tuning: vectors before the words of every text are trained, everything pretrained stays as it is.</summary>
/// <remarks>
/// Lester, Al-Rfou and Constant, "The Power of Scale for Parameter-Efficient Prompt Tuning", EMNLP 2021. As in PEFT the prompt is part of the
/// text: it stands before the first special token, has segment 0 and takes the first positions, so a pooler of the first token reads a prompt
/// vector, and a mean includes the prompt. Texts can be that much shorter.
/// </remarks>
public sealed record PromptTuningOptions : AdapterOptions
{
    internal const string PeftType = "PROMPT_TUNING";

    /// <summary>The fields that <see cref="FromConfig"/> understands; all but three only repeat what the base model's configuration says.</summary>
    internal static readonly string[] Fields =
    [
        "num_virtual_tokens", "prompt_tuning_init", "prompt_tuning_init_text", "num_transformer_submodules", "token_dim", "num_attention_heads",
        "num_layers", "tokenizer_name_or_path", "tokenizer_kwargs",
    ];

    private const int MostTokens = 4096;
    private const int LongestText = 100_000;

    private static readonly (string Name, PromptInitialization Value)[] Initializations =
    [
        ("SAMPLE_VOCAB", PromptInitialization.SampledVocabulary), ("TEXT", PromptInitialization.Text), ("RANDOM", PromptInitialization.Random),
    ];

    /// <summary>Vectors in the prompt.</summary>
    /// <value>From 1 to 4096, and at least 8 fewer than the tokens that the encoder reads: those are left for the text. The default is 20.</value>
    public int TokenCount { get; init; } = 20;

    /// <summary>What the vectors are before training.</summary>
    /// <value>The default is <see cref="PromptInitialization.SampledVocabulary"/>.</value>
    public PromptInitialization Initialization { get; init; }

    /// <summary>The text whose tokens a prompt with <see cref="PromptInitialization.Text"/> starts from, repeated or cut to fit.</summary>
    /// <value>Must not be empty then; <see langword="null"/> (the default) otherwise.</value>
    public string? InitialText { get; init; }

    /// <summary>Prompts in the file that the settings come from; null where they come from none.</summary>
    internal int? Copies { get; init; }

    internal override string Description => FormattableString.Invariant($"prompt tuning ({TokenCount} tokens)");

    internal override bool IsPeft => true;

    internal override int PromptLength => TokenCount;

    internal override string FilePrefix => "base_model.";

    /// <summary>The tokens of <see cref="InitialText"/>.</summary>
    internal IReadOnlyList<int>? InitialIds { get; init; }

    internal override void Validate()
    {
        Check(TokenCount is >= 1 and <= MostTokens, nameof(TokenCount), TokenCount, "Use 1 to 4096, for example 20.");
        Check(Enum.IsDefined(Initialization), nameof(Initialization), (int)Initialization, "Use a member of PromptInitialization.");
        if ((Initialization == PromptInitialization.Text) != !string.IsNullOrWhiteSpace(InitialText))
        {
            throw new ArgumentException(
                $"Initialization is {Initialization}, but InitialText is {(string.IsNullOrWhiteSpace(InitialText) ? "empty" : $"'{InitialText}'")}. "
                + "Set both Initialization = PromptInitialization.Text and InitialText, or neither.", nameof(InitialText));
        }
    }

    internal override AdapterOptions For(ITextTokenizer tokenizer) =>
        InitialText is null ? this : this with { InitialIds = tokenizer.Encode(InitialText, null, LongestText).Ids };

    internal override void Attach(PretrainedNetwork encoder, Generator generator)
    {
        if (encoder.VocabularySize == 0)
        {
            throw new ArgumentException(
                $"Prompt tuning puts a prompt before texts, but the architecture '{encoder.Prefix}' reads pictures. Use Adapters.LoRA.", nameof(encoder));
        }

        if (TokenCount >= encoder.MaxTokens)
        {
            throw new ArgumentException(
                $"TokenCount is {TokenCount}, but the model reads at most {encoder.MaxTokens} tokens, prompt and text together. Use a shorter prompt.",
                nameof(encoder));
        }

        if (Copies is { } copies && copies != encoder.PromptCopies)
        {
            throw new ArgumentException(
                $"The adapter has num_transformer_submodules {copies}, but the model has {encoder.PromptCopies}.", nameof(encoder));
        }

        encoder.Prepend(new PromptAdapter(
            () => cat([.. Enumerable.Range(0, encoder.PromptCopies).Select(_ => InitialVectors(encoder, generator))]), encoder.PromptCopies));
    }

    internal override JsonObject ToConfig(PretrainedNetwork encoder)
    {
        var config = AdapterConfig.Describe(PeftType, encoder);
        config["num_virtual_tokens"] = TokenCount;
        config["token_dim"] = encoder.WordWidth;
        config["num_layers"] = encoder.LayerCount;
        config["num_attention_heads"] = encoder.HeadCount;
        config["num_transformer_submodules"] = encoder.PromptCopies;
        config["prompt_tuning_init"] = Array.Find(Initializations, entry => entry.Value == Initialization).Name;
        config["prompt_tuning_init_text"] = InitialText;
        return config;
    }

    internal static PromptTuningOptions FromConfig(ModelConfig config)
    {
        var name = config.OptionalString("prompt_tuning_init", "RANDOM");
        var initialization = Array.Find(Initializations, entry => entry.Name == name) is { Name: not null } found
            ? found.Value
            : throw config.Unexpected("prompt_tuning_init", "'RANDOM', 'TEXT' or 'SAMPLE_VOCAB'");
        return new PromptTuningOptions
        {
            TokenCount = config.RequireInt("num_virtual_tokens"),
            Copies = config.OptionalInt("num_transformer_submodules", 1),
            Initialization = initialization,
            InitialText = initialization == PromptInitialization.Text ? config.RequireString("prompt_tuning_init_text") : null,
        };
    }

    private Tensor InitialVectors(PretrainedNetwork words, Generator generator)
    {
        using var noGrad = no_grad();
        return Initialization switch
        {
            PromptInitialization.Random => empty(TokenCount, words.WordWidth).normal_(0, 1, generator),
            PromptInitialization.Text => words.WordVectors(tensor(
                [.. Enumerable.Range(0, TokenCount).Select(i => (long)InitialIds![i % InitialIds.Count])])),
            _ => words.WordVectors(randint(words.VocabularySize, [TokenCount], dtype: ScalarType.Int64, generator: generator)),
        };
    }
}
