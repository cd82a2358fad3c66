using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Checkpoints;
using static Microsoft.ML.NaturalGradient.Tokenization.TokenizerJsonWriter;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary><c>vocab.json</c> and <c>merges.txt</c>: byte-level BPE of RoBERTa and GPT-2.</summary>
internal sealed class BytePairFormat : ITokenizerFormat
{
    /// <summary>The file with the pieces.</summary>
    public const string VocabularyFile = "vocab.json";

    /// <summary>The file with the merges.</summary>
    public const string MergesFile = "merges.txt";

    /// <inheritdoc/>
    public string Description => $"{VocabularyFile} with {MergesFile} (byte-level BPE: RoBERTa, GPT-2)";

    /// <inheritdoc/>
    public bool IsIn(CheckpointFiles files) => files.Exists(VocabularyFile) && files.Exists(MergesFile);

    /// <inheritdoc/>
    public ITextTokenizer Read(CheckpointFiles files, TokenizerConfiguration configuration)
    {
        var vocabulary = BytePairFiles.Vocabulary(files, VocabularyFile);
        var description = $"{VocabularyFile} of {files.Description}";
        var tokens = new AddedTokenTable(vocabulary, description);
        tokens.Extend(configuration.AddedTokens);
        BytePairFiles.CheckIds(vocabulary, tokens.Tokens, description);
        var (template, padId) = configuration.Family?.Name switch
        {
            "Roberta" => Roberta(configuration, tokens),
            "GPT2" => Gpt2(configuration, tokens),
            _ => throw new InvalidDataException(
                $"{files.Description} has {VocabularyFile} and {MergesFile}, but {Asked(configuration.Family)}. "
                + "Supported with these files: RobertaTokenizer, GPT2Tokenizer. Name one of them as \"tokenizer_class\" in tokenizer_config.json if it is the right one, or add the model's tokenizer.json."),
        };

        tokens.AddOrAppend(configuration.FurtherSpecialTokens);
        var merges = BytePairFiles.Merges(files, MergesFile);
        var model = new BytePairModel(vocabulary, merges, $"{MergesFile} of {files.Description}");
        var addsSpace = configuration.Flag("add_prefix_space") ?? false;
        return new TextTokenizer(new TextTokenizerParts
        {
            Model = CreateModel(model, addsSpace),
            AddedTokens = tokens.Tokens,
            Template = template,
            VocabularySize = tokens.Size,
            PadId = padId,
            MaxTokens = configuration.MaxTokens,
            Json = new TokenizerJsonParts(
                null,
                Component("ByteLevel", ("add_prefix_space", addsSpace), ("trim_offsets", true), ("use_regex", true)),
                () => Component(
                    "BPE", ("dropout", null), ("unk_token", null), ("continuing_subword_prefix", ""), ("end_of_word_suffix", ""), ("fuse_unk", false), ("byte_fallback", false),
                    ("vocab", Vocabulary(vocabulary)), ("merges", new JsonArray([.. merges.Select(merge => JsonValue.Create($"{merge.Left} {merge.Right}"))])))),
        });
    }

    /// <summary>The words and spelling of byte-level BPE.</summary>
    /// <param name="model">The spelling.</param>
    /// <param name="addsSpace">Whether a text that begins without a space gets one.</param>
    public static PieceModel CreateModel(BytePairModel model, bool addsSpace) => new(
        addsSpace ? (text, _) => text[0] == ' ' ? text : ' ' + text : null, new ByteLevelPreTokenizer(), model.Spell);

    private static string Asked(TokenizerFamily? family) =>
        family is null ? "no file says which tokenizer they belong to" : $"asks for the tokenizer '{family.ClassName}'";

    private static (SequenceTemplate Template, int PadId) Roberta(TokenizerConfiguration configuration, AddedTokenTable tokens)
    {
        var classId = tokens.Add(configuration.SpecialToken("cls_token") ?? new("<s>"), "cls_token");
        var separatorId = tokens.Add(configuration.SpecialToken("sep_token") ?? new("</s>"), "sep_token");
        var padId = tokens.Add(configuration.SpecialToken("pad_token") ?? new("<pad>"), "pad_token");
        _ = tokens.Add(configuration.SpecialToken("unk_token") ?? new("<unk>"), "unk_token");
        _ = tokens.TryAdd(new AddedToken(configuration.SpecialToken("mask_token")?.Content ?? "<mask>") { TakesSpaceBefore = true });
        return (SequenceTemplate.Roberta(classId, separatorId), padId);
    }

    private static (SequenceTemplate Template, int PadId) Gpt2(TokenizerConfiguration configuration, AddedTokenTable tokens)
    {
        const string end = "<|endoftext|>";
        var beginId = tokens.Add(configuration.SpecialToken("bos_token") ?? new(end), "bos_token");
        var endId = tokens.Add(configuration.SpecialToken("eos_token") ?? new(end), "eos_token");
        var padId = configuration.SpecialToken("pad_token") is { } pad ? tokens.Add(pad, "pad_token") : endId; // GPT-2 has none of its own
        return (configuration.Flag("add_bos_token") ?? false ? SequenceTemplate.BeginBeforeAll(beginId) : SequenceTemplate.Bare, padId);
    }
}
