using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary><c>tokenizer.json</c>, the whole tokenizer in one file; the only one of ModernBERT.</summary>
/// <remarks>
/// It goes before other tokenizer files, as in Python. What it does not implement is refused. The lengths in the sections <c>truncation</c> and
/// <c>padding</c>, and <c>decoder</c>, are passed over: lengths are the caller's, and nothing is decoded.
/// </remarks>
internal sealed class TokenizerJsonFormat : ITokenizerFormat
{
    /// <summary>The file.</summary>
    public const string FileName = "tokenizer.json";

    private static readonly string[] Roles = ["cls_token", "sep_token", "bos_token", "eos_token", "unk_token", "pad_token", "mask_token"];

    /// <inheritdoc/>
    public string Description => $"{FileName} (WordPiece, byte-level BPE, unigram)";

    /// <inheritdoc/>
    public bool IsIn(CheckpointFiles files) => files.Exists(FileName);

    /// <inheritdoc/>
    public ITextTokenizer Read(CheckpointFiles files, TokenizerConfiguration configuration)
    {
        var file = $"{FileName} of {files.Description}";
        using var document = JsonText.Parse(files, FileName, file);
        return Read(files, new JsonComponent(document.RootElement, file), configuration, file);
    }

    private static TextTokenizer Read(CheckpointFiles files, JsonComponent root, TokenizerConfiguration configuration, string file)
    {
        var model = new TokenizerJsonModel(root, file);
        CheckFamily(configuration, model, file);
        var tokens = ReadTokens(root, model, configuration, file);
        CheckOtherVocabulary(files, model, tokens, file);
        if (model.Type == "BPE")
        {
            BytePairFiles.CheckIds(model.Vocabulary, tokens.Tokens, file);
        }

        var pieces = model.Build(configuration);
        var template = new TokenizerJsonTemplate(tokens, file).Read(root.Find("post_processor"));
        CheckTemplate(template, configuration, tokens, file);
        var parts = new TextTokenizerParts
        {
            Cleaning = TokenizerJsonCleaning.Read(root.Find("normalizer"), configuration, file),
            Model = pieces,
            AddedTokens = tokens.Tokens,
            Template = configuration.HasTypeIds ? template : template.WithoutTypeIds(),
            VocabularySize = tokens.Size,
            PadId = PadId(root, configuration, tokens, file),
            MaxTokens = configuration.MaxTokens,
        };
        CheckTruncation(root, configuration, file);
        root.Ignore("version", "decoder").RefuseOthers();
        return new TextTokenizer(parts);
    }

    private static void CheckFamily(TokenizerConfiguration configuration, TokenizerJsonModel model, string file)
    {
        if (configuration.Family is not { } family)
        {
            return;
        }

        if (!family.IsKnown)
        {
            throw new InvalidDataException(
                $"A file beside {file} asks for the tokenizer '{family.ClassName}', which is not supported. "
                + $"Supported: {TokenizerFamily.KnownClasses}. Choose a model with one of them.");
        }

        // The usual class reads any file, as in Python.
        if (configuration.NamedClass is not null && family.Models.Count > 0 && !family.Models.Contains(model.Type))
        {
            throw new InvalidDataException(
                $"The files beside {file} ask for the tokenizer '{family.ClassName}', but its model is of type '{model.Type}' instead of "
                + $"'{string.Join(" or ", family.Models)}'. The files do not belong together; download them again.");
        }
    }

    private static AddedTokenTable ReadTokens(JsonComponent root, TokenizerJsonModel model, TokenizerConfiguration configuration, string file)
    {
        var tokens = new AddedTokenTable(model.Vocabulary, file);
        tokens.Extend(root.Items("added_tokens").Select((value, n) =>
        {
            var entry = new JsonComponent(value, $"added token {n + 1} in {file}");
            var token = entry.Text("content") is { Length: > 0 } content && entry.Integer("id") is { } id and >= 0
                ? AddedTokenReader.Flags(new AddedToken(content, id), value, $"the token '{content}' in {file}")
                : throw entry.Damaged("lacks \"content\" or \"id\"");
            entry.Ignore("special", "single_word", "lstrip", "rstrip", "normalized").RefuseOthers();
            return token;
        }));
        tokens.Extend(configuration.AddedTokens);
        foreach (var role in Roles)
        {
            if (configuration.SpecialToken(role) is { } token)
            {
                _ = tokens.TryAdd(token);
            }
        }

        if (model.UnknownToken is { } unknown)
        {
            _ = tokens.Add(new AddedToken(unknown), "unk_token");
        }

        tokens.AddOrAppend(configuration.FurtherSpecialTokens);

        return tokens;
    }

    private static void CheckOtherVocabulary(CheckpointFiles files, TokenizerJsonModel model, AddedTokenTable tokens, string file)
    {
        var (name, other) = model.Type switch
        {
            "WordPiece" when files.Exists(WordPieceFormat.VocabularyFile) => (WordPieceFormat.VocabularyFile, ReadLines(files)),
            "BPE" when files.Exists(BytePairFormat.VocabularyFile) => (BytePairFormat.VocabularyFile, BytePairFiles.Vocabulary(files, BytePairFormat.VocabularyFile)),
            _ => (string.Empty, new Dictionary<string, int>()),
        };
        foreach (var (piece, id) in other)
        {
            if (!tokens.TryFind(piece, out var known) || known != id)
            {
                throw new InvalidDataException(
                    $"{name} gives the piece '{piece}' the id {id}, but {file} {(tokens.TryFind(piece, out known) ? $"has the id {known} for it" : "does not have it")}. "
                    + "The files do not belong together; download them again.");
            }
        }
    }

    private static IReadOnlyDictionary<string, int> ReadLines(CheckpointFiles files)
    {
        using var stream = files.Open(WordPieceFormat.VocabularyFile);
        return new WordPieceVocabulary(stream, files.Description).Ids;
    }

    // A configuration that names other tokens than the layout would have Python put them there.
    private static void CheckTemplate(SequenceTemplate template, TokenizerConfiguration configuration, AddedTokenTable tokens, string file)
    {
        var used = template.SpecialIds.ToHashSet();
        foreach (var role in (string[])["cls_token", "sep_token"])
        {
            if (used.Count > 0 && configuration.SpecialToken(role) is { } token && !(tokens.TryFind(token.Content, out var id) && used.Contains(id)))
            {
                throw new InvalidDataException(
                    $"The files beside {file} name '{token.Content}' as \"{role}\", but its post_processor does not use it. The files do not belong together; download them again.");
            }
        }
    }

    // A side that the configuration names goes before the file's, as in Python.
    private static void CheckTruncation(JsonComponent root, TokenizerConfiguration configuration, string file)
    {
        if (root.Find("truncation") is { } value && configuration.Text(TokenizerConfiguration.TruncationSide) is null)
        {
            _ = new JsonComponent(value, $"truncation in {file}").Only("direction", "\"Right\"");
        }
    }

    private static int PadId(JsonComponent root, TokenizerConfiguration configuration, AddedTokenTable tokens, string file)
    {
        var padding = root.Find("padding") is { } value ? new JsonComponent(value, $"padding in {file}").Text("pad_token") : null;
        if ((configuration.SpecialToken("pad_token")?.Content ?? padding) is { } named)
        {
            return tokens.Add(new AddedToken(named), "pad_token");
        }

        // GPT-2 has no token of its own for this; the padded places are masked anyway.
        foreach (var usual in (string[])["[PAD]", "<pad>", "<|endoftext|>"])
        {
            if (tokens.TryFind(usual, out var id))
            {
                return id;
            }
        }

        throw new InvalidDataException(
            $"{file} has no token to fill the shorter rows of a batch: no [PAD], no <pad>. Name one as \"pad_token\" in tokenizer_config.json.");
    }
}
